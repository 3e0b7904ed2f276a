import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { quoteArgv } from '../../../src/ssh/quote.ts';

/** Pins the text itself: a change of the quoting is a change of what every host is told. */
const EXACT: readonly (readonly [readonly string[], string])[] = [
  [['id'], `'id'`],
  [['id', '-u'], `'id' '-u'`],
  [['', 'a b'], `'' 'a b'`],
  [[`it's`], `'it'\\''s'`],
  [[`'`], `''\\'''`],
  [['a\\b'], `'a'\\\\'b'`],
  [['tail\\'], `'tail'\\\\''`],
  [['wow!'], `'wow'\\!''`],
  [['$HOME `id` $(id) ${x}'], `'$HOME \`id\` $(id) \${x}'`],
  [['~', '*', '?', '[a]', '{a,b}', '=ls', '%1', '^a^b', '#c'], `'~' '*' '?' '[a]' '{a,b}' '=ls' '%1' '^a^b' '#c'`],
  [['a;b', 'a&b', 'a|b', '<x', '>y', '(x)', '"q"'], `'a;b' 'a&b' 'a|b' '<x' '>y' '(x)' '"q"'`],
  [['tab\there', 'é 漢'], `'tab\there' 'é 漢'`],
];

describe('quoteArgv', () => {
  it.each(EXACT)('%j', (argv, text) => {
    expect(quoteArgv(argv)).toBe(text);
  });

  it.each([['a\nb'], ['a\rb'], ['\n'], ['a\0b'], ['\ud800'], ['ok', 'second\nword']])('refuses %j', (...argv) => {
    expect(() => quoteArgv(argv)).toThrow(expect.objectContaining({ code: 'ssh/quote' }));
  });

  it('refuses an empty command', () => {
    expect(() => quoteArgv([])).toThrow(expect.objectContaining({ code: 'ssh/quote' }));
  });

  // the first two are on every machine that can run the tests, the others where somebody installed them
  const SHELLS = ['/bin/sh', '/bin/bash', '/bin/dash', '/usr/bin/zsh', '/usr/bin/fish', '/usr/bin/tcsh', '/usr/bin/bsd-csh'];
  const words = [
    ...EXACT.flatMap(([argv]) => argv),
    ...['!!', '!$', '\\!', "'!\\'", '\\\\', '\\n', '\\x41', '@', '$argv', '-n', '\x01\x7f', ' ', `a'b"c\\d!e$f\`g`, 'x'.repeat(900)],
  ];

  it.each(SHELLS.filter((shell) => existsSync(shell)))('means the same words to %s', (shell) => {
    const printed = execFileSync(shell, ['-c', quoteArgv(['printf', '%s\\0', ...words])], { encoding: 'utf8', stdio: 'pipe' });
    expect(printed.split('\0').slice(0, -1)).toEqual(words);
  });
});
