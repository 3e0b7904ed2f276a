import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { completeScript, heredoc, parseResult, shellFunction } from '../../../src/host/script.ts';
import { splitSections } from '../../../src/host/probe-output.ts';

const MARK = 'f00dfacef00dfacef00dfacef00dface';

describe('texts travel through the shell untouched', () => {
  test('whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('$', '`', '\\', "'", '"', '!', 'x', ' ', '\t', 'é', '%', '\r') }), { maxLength: 6 }), (lines) => {
        const text = lines.map((line) => `${line}\n`).join('');
        const script = completeScript('main() { data; }\n', [shellFunction('data', heredoc('cat', text, MARK))]);
        expect(execFileSync('sh', ['-s'], { input: script }).toString()).toBe(text);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ['no newline at the end', 'x', 'host/text-unfinished'],
    ['a NUL byte', 'a\0b\n', 'host/text-binary'],
    ['the end mark', `a\n${MARK}\nrm -rf /\n`, 'host/end-mark'],
  ])('%s is refused', (_name, text, code) => {
    expect(() => heredoc('cat', text, MARK)).toThrow(expect.objectContaining({ code }));
  });
});

test('a script that was cut short does nothing, wherever it was cut', () => {
  const script = completeScript('main() { echo done; data; }\n', [shellFunction('data', heredoc('cat', 'echo 1\necho 2\n', MARK))]);
  const last = script.lastIndexOf('main "$@"');
  for (let end = 0; end <= last; end += 1) {
    expect(spawnSync('sh', ['-s'], { input: script.slice(0, end) }).stdout.toString()).toBe('');
  }
  expect(spawnSync('sh', ['-s'], { input: script }).stdout.toString()).toContain('done');
});

describe('the result of a script', () => {
  test('is the last one, with its detail', () => {
    expect(parseResult(`noise\n${MARK} step armed\n\n${MARK} result rolled-back sshd-test-failed\nsshd -t: bad\nmore\n`, MARK)).toEqual({ word: 'rolled-back', code: 'sshd-test-failed', detail: 'sshd -t: bad\nmore' });
  });

  test('is missing when the answer never came', () => {
    expect(parseResult(`${MARK} step armed\n`, MARK)).toBeUndefined();
  });

  test('cannot be forged without the mark', () => {
    expect(parseResult('cafe result armed 5\n', MARK)).toBeUndefined();
  });
});

describe('the sections of a probe', () => {
  test('a noisy login shell and files that look like sections do not matter', () => {
    const sections = splitSections(`Welcome!\n\nMK file /etc/x\nmk file\nMKfile y\n\nMK end \n`, 'MK');
    expect(sections).toEqual([{ name: 'file', argument: '/etc/x', body: 'mk file\nMKfile y\n' }]);
  });

  test.each([['nothing', ''], ['half an answer', 'MK os \nx\n'], ['noise', 'Last login: today\n']])('%s is refused', (_name, text) => {
    expect(() => splitSections(text, 'MK')).toThrow(expect.objectContaining({ code: 'host/probe-incomplete' }));
  });
});
