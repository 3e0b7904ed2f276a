import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { includeReach, splitDirective, withBlockAtTop, withoutBlock } from '../../../src/sshd/config-text.ts';
import { matchesGlob } from '../../../src/sshd/glob.ts';
import { effectiveList, effectiveValue, parseEffectiveConfig } from '../../../src/sshd/effective.ts';
import { atLeast, parseOpenSshVersion } from '../../../src/sshd/version.ts';

const FILE = '/etc/ssh/sshd_config.d/00-ensign.conf';

describe('whether sshd reads a drop-in', () => {
  test.each([
    ['Debian', 'Include /etc/ssh/sshd_config.d/*.conf\n', 'always'],
    ['no Include', 'Port 22\n', 'never'],
    ['a comment', '# Include /etc/ssh/sshd_config.d/*.conf\n', 'never'],
    ['behind a Match', 'Match User x\nInclude /etc/ssh/sshd_config.d/*.conf\n', 'scoped'],
    ['at the top and behind a Match', 'Include /etc/ssh/sshd_config.d/*.conf\nMatch all\nInclude sshd_config.d/*\n', 'scoped'],
    ['behind a Match, another file', 'Include sshd_config.d/*.conf\nMatch all\nInclude /etc/ssh/other/*.conf\n', 'always'],
    ['relative to /etc/ssh', 'include sshd_config.d/*.conf\n', 'always'],
    ['with =, quotes and several patterns', 'Include = "/etc/other/*.conf" "/etc/ssh/sshd_config.d/*"\n', 'always'],
    ['another ending', 'Include /etc/ssh/sshd_config.d/*.cfg\n', 'never'],
    ['another folder', 'Include /etc/ssh/*.conf\n', 'never'],
  ])('%s', (_name, text, expected) => {
    expect(includeReach(text, FILE)).toBe(expected);
  });

  test('globs stay within a component and skip hidden files', () => {
    expect([matchesGlob('/a/*', '/a/b/c'), matchesGlob('/a/*', '/a/.b'), matchesGlob('/a/[0-9]?-x', '/a/00-x'), matchesGlob('/a/[!0]*', '/a/0x'), matchesGlob('/a/b.c', '/a/bxc')]).toEqual([false, false, true, false, false]);
  });
});

describe('the block at the top', () => {
  test('twice is once, and taking it away gives the text back', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('Port 22', 'Match all', '  X yes', '', '# c')), (lines) => {
        const text = lines.map((line) => `${line}\n`).join('');
        const once = withBlockAtTop(text, 'Include /x');
        expect(withBlockAtTop(once, 'Include /x')).toBe(once);
        expect(withoutBlock(once)).toBe(text);
      }),
    );
  });

  test('a last line without a newline gets one, and nothing else changes', () => {
    expect(withBlockAtTop('Port 22', 'Include /x')).toBe('# BEGIN ensign (managed; keep this first)\nInclude /x\n# END ensign\nPort 22\n');
  });

  test('one whose end was deleted takes nothing of the file with it', () => {
    const torn = '# BEGIN ensign (managed; keep this first)\nInclude /x\nPort 22\n';
    expect(withoutBlock(torn)).toBe(torn);
    expect(withBlockAtTop(torn, 'Include /x')).toContain('Port 22\n');
  });

  test('one that slid down moves back to the top', () => {
    const slid = `Port 22\n${withBlockAtTop('', 'Include /x')}Match all\n`;
    expect(withBlockAtTop(slid, 'Include /x')).toBe('# BEGIN ensign (managed; keep this first)\nInclude /x\n# END ensign\nPort 22\nMatch all\n');
  });
});

test('directives are read with =, quotes and trailing comments', () => {
  expect([splitDirective(' HostKey = "/a b" # x'), splitDirective('# x'), splitDirective('PORT 22')]).toEqual([['hostkey', '/a b'], [], ['port', '22']]);
});

test('sshd -T is read in any case, and none is unset', () => {
  const config = parseEffectiveConfig('TrustedUserCAKeys none\nhostkey /a\nHostKey /b\nCASignatureAlgorithms a,b\nBanner \n');
  expect([effectiveValue(config, 'trustedusercakeys'), config.get('hostkey'), effectiveList(config, 'x', 'casignaturealgorithms')]).toEqual([undefined, ['/a', '/b'], ['a', 'b']]);
});

test('versions compare by number, and an unknown one counts as new', () => {
  const v = (text: string): ReturnType<typeof parseOpenSshVersion> => parseOpenSshVersion(text);
  expect(v('SSH-2.0-OpenSSH_9.2p1 Debian-2')).toEqual({ major: 9, minor: 2, text: '9.2p1' });
  expect([atLeast(v('OpenSSH_10.0'), 9, 8), atLeast(v('OpenSSH_8.4p1'), 8, 2), atLeast(v('OpenSSH_7.9'), 8, 2), atLeast(v('dropbear'), 8, 2)]).toEqual([true, true, false, true]);
});
