import { describe, expect, it } from 'vitest';
import { certAuthorityLines, namesAndPorts, revokingLines, withBlock } from '../../../src/client/known-hosts-block.ts';
import { parseKnownHosts } from '../../../src/ssh/known-hosts.ts';
import { formatPublicKeyLine } from '../../../src/wire/public-key.ts';
import { ed25519Key } from '../wire/keys.ts';

const CA = ed25519Key().key;
const NEXT_CA = ed25519Key().key;

function host(names: readonly string[], port = 22, shortName?: string): { names: readonly string[]; port: number; shortName: string | undefined } {
  return { names, port, shortName };
}

describe('certAuthorityLines', () => {
  it('names every name with its port, the short name included, once each', () => {
    const hosts = [host(['web.example', '10.0.0.9'], 22, 'web'), host(['db.example', '2001:db8::1'], 2222, 'db'), host(['web.example'], 22)];
    expect(namesAndPorts(hosts)).toEqual(['web.example', '10.0.0.9', 'web', '[db.example]:2222', '[2001:db8::1]:2222', '[db]:2222']);
    expect(certAuthorityLines(hosts, [CA], 'of us')).toEqual([`@cert-authority web.example,10.0.0.9,web,[db.example]:2222,[2001:db8::1]:2222,[db]:2222 ${formatPublicKeyLine(CA)} of us`]);
  });

  it('gives no line for no hosts: there is no bare *', () => {
    expect(certAuthorityLines([], [CA], '')).toEqual([]);
  });

  it('splits at 30 names', () => {
    const lines = certAuthorityLines(Array.from({ length: 61 }, (_, i) => host([`h${i}`])), [CA], '');
    expect(lines.map((line) => line.split(' ')[1]?.split(',').length)).toEqual([30, 30, 1]);
  });

  it('splits long names earlier, and loses none', () => {
    const hosts = Array.from({ length: 40 }, (_, i) => host([`h${i}.${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}`]));
    const lines = certAuthorityLines(hosts, [CA], '');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(4200);
    expect(lines.flatMap((line) => line.split(' ')[1]?.split(',') ?? [])).toEqual(hosts.flatMap((h) => h.names));
  });

  it('gives every authority its lines while two are trusted', () => {
    const known = parseKnownHosts(certAuthorityLines([host(['web'])], [CA, NEXT_CA], '').join('\n'), 'kh');
    expect(known.lookup('web', 22).map((entry) => [entry.marker, entry.key])).toEqual([['cert-authority', CA], ['cert-authority', NEXT_CA]]);
  });
});

const BEGIN = '# BEGIN ensign: kept by "ensign known-hosts --install", changes between these lines are lost';

describe('withBlock', () => {
  it('adds the block at the end', () => {
    expect(withBlock('', ['x'], 'kh')).toBe(`${BEGIN}\nx\n# END ensign\n`);
    expect(withBlock('old line\n', ['x'], 'kh')).toBe(`old line\n${BEGIN}\nx\n# END ensign\n`);
  });

  it('ends a last line that has no newline', () => {
    expect(withBlock('old line', ['x'], 'kh')).toBe(`old line\n${BEGIN}\nx\n# END ensign\n`);
  });

  it('replaces the lines of an old authority where they stand', () => {
    const before = `a\r\n${BEGIN}\nold\nolder\n# END ensign\nb`;
    expect(withBlock(before, ['new'], 'kh')).toBe(`a\r\n${BEGIN}\nnew\n# END ensign\nb`);
  });

  it('knows its marks by their first words, and with CRLF', () => {
    expect(withBlock('a\r\n# BEGIN ensign: as an older version wrote it\r\nold\r\n# END ensign\r\nb\r\n', ['new'], 'kh')).toBe(`a\r\n${BEGIN}\nnew\n# END ensign\r\nb\r\n`);
    // something else that begins alike is not ours
    expect(withBlock('# BEGIN ensigns of the fleet\n', ['x'], 'kh')).toBe(`# BEGIN ensigns of the fleet\n${BEGIN}\nx\n# END ensign\n`);
  });

  it.each<[what: string, text: string, line: number, message: string]>([
    ['begin without end', 'a\n# BEGIN ensign\nb\n', 2, '# BEGIN ensign in line 2'],
    ['end without begin', 'a\nb\n# END ensign\n', 3, '# END ensign in line 3'],
    ['end before begin', '# END ensign\n# BEGIN ensign\n', 1, '# END ensign in line 1, # BEGIN ensign in line 2'],
    ['two begins', '# BEGIN ensign\n# BEGIN ensign\n# END ensign\n', 1, '# BEGIN ensign in line 1, # BEGIN ensign in line 2, # END ensign in line 3'],
    ['two blocks', '# BEGIN ensign\n# END ensign\n# BEGIN ensign\n# END ensign\n', 1, 'in line 4'],
  ])('refuses a damaged pair of marks: %s', (_what, text, line, message) => {
    expect(() => withBlock(text, ['x'], 'kh')).toThrow(expect.objectContaining({ code: 'known-hosts/damaged-block', exit: 2, at: { file: 'kh', line }, message: expect.stringContaining(message) as string }));
  });
});

describe('revokingLines', () => {
  it('finds the lines that beat the block', () => {
    const text = `@revoked * ${formatPublicKeyLine(NEXT_CA)}\n@cert-authority * ${formatPublicKeyLine(CA)}\n@revoked web ${formatPublicKeyLine(CA)}\n`;
    expect(revokingLines(text, 'kh', CA)).toEqual([{ file: 'kh', line: 3 }]);
  });
});
