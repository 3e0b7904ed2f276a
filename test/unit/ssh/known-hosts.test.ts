import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { certificateAuthoritiesFor, joinKnownHosts, parseKnownHosts, revocationOf } from '../../../src/ssh/known-hosts.ts';
import { formatPublicKeyLine } from '../../../src/wire/public-key.ts';
import { ed25519Key } from '../wire/keys.ts';

const KEY = ed25519Key().key;
const OTHER = ed25519Key().key;
const LINE = formatPublicKeyLine(KEY);
const OTHER_LINE = formatPublicKeyLine(OTHER);

const folder = mkdtempSync(join(tmpdir(), 'ensign-known-hosts-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Lines that match, as ssh-keygen -F prints them: `# Host X found: line N`. */
function keygenFinds(text: string, host: string): number[] {
  const file = join(folder, 'known_hosts');
  writeFileSync(file, text);
  try {
    const out = execFileSync('ssh-keygen', ['-F', host, '-f', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...out.matchAll(/found: line (\d+)/g)].map((match) => Number(match[1]));
  } catch {
    return [];
  }
}

function hashed(line: string): string {
  const file = join(folder, 'to_hash');
  writeFileSync(file, `${line}\n`);
  execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
  const text = readFileSync(file, 'utf8').trimEnd();
  if (!text.startsWith('|1|')) throw new Error('ssh-keygen did not hash the line');
  return text;
}

describe('lookup finds what ssh-keygen -F finds', () => {
  const text = [
    `web ${LINE}`,
    `web,db,10.0.0.9 ${LINE}`,
    `[web]:2222 ${LINE}`,
    `*.example.com,!bad.example.com ${LINE}`,
    `!bad.example.com,*.example.com ${LINE}`,
    `web-0? ${LINE}`,
    `[*]:2222 ${LINE}`,
    `[10.0.0.*]:* ${LINE}`,
    hashed(`secret.example.com ${LINE}`),
    hashed(`[secret.example.com]:2222 ${LINE}`),
    `2001:db8::1 ${LINE}`,
    `[2001:db8::1]:2222 ${LINE}`,
    `Upper.Example.COM ${LINE}`,
    `!web ${LINE}`,
    `* ${LINE}`,
    `@cert-authority web ${LINE}`,
    `@revoked *.example.com ${LINE}`,
    `*web*,!web* ${LINE}`,
  ].join('\n');
  const known = parseKnownHosts(text, 'kh');

  it.each<[name: string, port: number]>([
    ['web', 22], ['web', 2222], ['web', 222], ['db', 22], ['10.0.0.9', 22], ['10.0.0.9', 2222], ['10.0.0.77', 8022],
    ['good.example.com', 22], ['bad.example.com', 22], ['good.example.com', 2222], ['example.com', 22], ['web-01', 22], ['web-0', 22], ['web-012', 22],
    ['secret.example.com', 22], ['secret.example.com', 2222], ['other.example.com', 2222], ['2001:db8::1', 22], ['2001:db8::1', 2222], ['upper.example.com', 22], ['my-web', 22],
  ])('%s port %i', (name, port) => {
    const lines = known.lookup(name, port).map((entry) => entry.at.line);
    expect(lines).toEqual(keygenFinds(text, port === 22 ? name : `[${name}]:${port}`));
    // `*` is in the file, so an empty answer means that nothing was compared
    expect(lines.length).toBeGreaterThan(0);
  });

  it('with every line read', () => {
    expect([known.entries.length, known.skipped]).toEqual([18, []]);
  });
});

describe('parseKnownHosts', () => {
  it('takes what ssh takes: comments, blanks, indentation, tabs, CRLF, no newline at the end', () => {
    const known = parseKnownHosts(`# comment\n\n  \t\n \t web\t ${LINE}  a comment\r\ndb ${OTHER_LINE}\r\nlast ${LINE}`, 'kh');
    expect(known.skipped).toEqual([]);
    expect(known.entries.map((entry) => entry.at)).toEqual([{ file: 'kh', line: 4 }, { file: 'kh', line: 5 }, { file: 'kh', line: 6 }]);
  });

  it('keeps keys of types that it does not know', () => {
    const blob = Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from('ssh-new'), Buffer.from([0, 0, 0, 1, 9])]).toString('base64');
    expect(parseKnownHosts(`web ssh-new ${blob}`, 'kh').entries[0]?.key.kind).toBe('unknown');
  });

  it.each([
    ['a name alone', 'web'],
    ['no key', 'web ssh-ed25519'],
    ['damaged base64', `web ${LINE.slice(0, -3)}`],
    ['another type than the key has', `web ssh-rsa ${LINE.split(' ')[1] ?? ''}`],
    ['unknown marker', `@foo web ${LINE}`],
    ['two markers', `@revoked @cert-authority web ${LINE}`],
    ['a marker alone', '@revoked'],
    ['a marker without names', `@revoked ${LINE}`],
    ['hash without a salt', `|1||${'A'.repeat(27)}= ${LINE}`],
    ['hash of another kind', `|2|${'A'.repeat(27)}=|${'A'.repeat(27)}= ${LINE}`],
    ['short hash', `|1|${'A'.repeat(27)}=|AAAA ${LINE}`],
    ['options as in authorized_keys', `web no-pty ${LINE}`],
  ])('skips a bad line and tells where: %s', (_what, line) => {
    const known = parseKnownHosts(`web ${LINE}\n${line}\nweb ${OTHER_LINE}\n`, 'kh');
    expect(known.entries.map((entry) => entry.at.line)).toEqual([1, 3]);
    expect(known.skipped.map((skipped) => skipped.at)).toEqual([{ file: 'kh', line: 2 }]);
  });

  it('gives reasons without the text of the line: a comment may be a secret that was pasted there', () => {
    const known = parseKnownHosts(`@foo web ${LINE} hunter2\nweb ssh-rsa hunter2\n`, 'kh');
    expect(known.skipped).toHaveLength(2);
    expect(JSON.stringify(known.skipped)).not.toContain('hunter2');
  });

  it('counts a name once that a line has twice', () => {
    expect(parseKnownHosts(`web,web ${LINE}`, 'kh').lookup('web', 22)).toHaveLength(1);
  });
});

describe('certificateAuthoritiesFor', () => {
  const authorities = (text: string, names = ['web.example.com'], port = 22): string[] =>
    certificateAuthoritiesFor(parseKnownHosts(text, 'kh'), names, port).map((key) => formatPublicKeyLine(key));

  it('finds the authorities of a name, each once', () => {
    expect(authorities(`@cert-authority *.example.com ${LINE}\n@cert-authority web.example.com ${LINE}\n@cert-authority * ${OTHER_LINE}\n`)).toEqual([LINE, OTHER_LINE]);
  });

  it('takes no plain key for an authority, and no authority of other names', () => {
    expect(authorities(`web.example.com ${LINE}\n@cert-authority *.example.org ${OTHER_LINE}\n`)).toEqual([]);
  });

  it('leaves out an authority that is revoked, wherever the line stands (attacks row 12)', () => {
    expect(authorities(`@cert-authority *.example.com ${LINE}\n@revoked * ${LINE}\n@cert-authority *.example.com ${OTHER_LINE}\n`)).toEqual([OTHER_LINE]);
    expect(authorities(`@revoked web.example.com ${LINE}\n@cert-authority *.example.com ${LINE}\n`)).toEqual([]);
  });

  it('leaves it out for another port, too', () => {
    expect(authorities(`@cert-authority [web.example.com]:2222 ${LINE}\n@revoked web.example.com ${LINE}\n`, ['web.example.com'], 2222)).toEqual([]);
    expect(authorities(`@cert-authority [web.example.com]:2222 ${LINE}\n@revoked other.example.com ${LINE}\n`, ['web.example.com'], 2222)).toEqual([LINE]);
  });

  it('knows a revocation from another file', () => {
    const joined = joinKnownHosts([parseKnownHosts(`@cert-authority web ${LINE}\n`, 'one'), parseKnownHosts(`@revoked web ${LINE}\n`, 'two')]);
    expect(certificateAuthoritiesFor(joined, ['web'], 22)).toEqual([]);
    expect(revocationOf(joined, ['web'], 22, KEY)?.at).toEqual({ file: 'two', line: 1 });
  });
});
