import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { certAuthorityLines, withBlock } from '../../src/client/known-hosts-block.ts';
import { AppError } from '../../src/base/errors.ts';
import { parseKnownHosts } from '../../src/ssh/known-hosts.ts';
import { formatKnownHostsLine } from '../../src/ssh/known-hosts-field.ts';
import { formatPublicKeyLine } from '../../src/wire/public-key.ts';
import { ed25519Key } from '../unit/wire/keys.ts';

const KEYS = [ed25519Key().key, ed25519Key().key];
const LINES = KEYS.map((key) => formatPublicKeyLine(key));

const name = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9-]{0,5}(\.[a-z]{1,4})?$/), fc.ipV4(), fc.constantFrom('2001:db8::1', '::1'));
const port = fc.constantFrom(22, 2222, 65_535);
const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)), maxLength: 40 });
const piece = fc.oneof(bytes, fc.constantFrom('\n', '\r\n', '# END ensigns', '#BEGIN ensign', 'web ', '@cert-authority * ', '@revoked ', '|1|', '|', ',', '!', ...LINES));
// latin1 text, one character a byte, with no marks of ours on a line of their own
const foreign = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')).filter((text) => !/^# (BEGIN|END) ensign(:.*)?\s*$/m.test(text));

describe('the parser', () => {
  it('reads back what is written, under these names and no others', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 5 }), port, name, (names, p, other) => {
        const [key] = KEYS;
        if (key === undefined) throw new Error('no key');
        const known = parseKnownHosts(formatKnownHostsLine(names, p, key, 'a comment'), 'kh');
        for (const one of names) expect(known.lookup(one, p).map((entry) => entry.key)).toEqual([key]);
        if (!names.includes(other)) expect(known.lookup(other, p)).toEqual([]);
        expect(known.lookup(names[0] ?? '', p === 22 ? 2222 : 22)).toEqual([]);
      }),
    );
  });

  it('accounts for every line of any text, and never throws', () => {
    fc.assert(
      fc.property(foreign, name, port, (text, wanted, p) => {
        const known = parseKnownHosts(text, 'kh');
        const meant = text.split('\n').filter((line) => !/^[ \t]*(#|\r?$)/.test(line)).length;
        expect(known.entries.length + known.skipped.length).toBe(meant);
        for (const entry of known.lookup(wanted, p)) expect(known.entries).toContain(entry);
      }),
      { numRuns: 1000 },
    );
  });

  it('finds by its index what a look at every entry finds', () => {
    const field = fc.array(fc.oneof(name, fc.constantFrom('*', 'a*', '!a', '[*]:2222', '!*.x', '?')), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(field, { maxLength: 8 }), name, (fields, wanted) => {
        const known = parseKnownHosts(fields.map((f) => `${f.join(',')} ${LINES[0] ?? ''}`).join('\n'), 'kh');
        expect(known.lookup(wanted, 22)).toEqual(known.entries.filter((entry) => entry.field.matches(wanted)));
      }),
    );
  });
});

describe('the block', () => {
  const hosts = fc.array(fc.record({ names: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }), shortName: fc.option(name, { nil: undefined }), port }), { maxLength: 40 });

  it('installed twice is as installed once, and nothing else changes', () => {
    fc.assert(
      fc.property(foreign, foreign, hosts, (before, after, fleet) => {
        const lines = certAuthorityLines(fleet, KEYS, 'test');
        const old = withBlock(before, ['old authority'], 'kh') + after;
        const once = withBlock(old, lines, 'kh');
        expect(withBlock(once, lines, 'kh')).toBe(once);
        expect(once.startsWith(before)).toBe(true);
        expect(once.endsWith(after)).toBe(true);
        expect(once).not.toContain('old authority');
        // back to the old lines gives the old bytes
        expect(withBlock(once, ['old authority'], 'kh')).toBe(old);
      }),
      { numRuns: 500 },
    );
  });

  it('makes ssh trust the authority for the names and ports of the fleet, and for nobody else', () => {
    fc.assert(
      fc.property(hosts, name, port, (fleet, stranger, strangerPort) => {
        const known = parseKnownHosts(withBlock('', certAuthorityLines(fleet, KEYS, 'test'), 'kh'), 'kh');
        expect(known.skipped).toEqual([]);
        const listed = (n: string, p: number): boolean => fleet.some((h) => h.port === p && (h.names.includes(n) || h.shortName === n));
        for (const host of fleet) for (const one of host.names) expect(known.lookup(one, host.port)).toHaveLength(KEYS.length);
        expect(known.lookup(stranger, strangerPort).length > 0).toBe(listed(stranger, strangerPort));
      }),
    );
  });

  it('with marks in any order is either one pair or refused with a line', () => {
    const mark = fc.constantFrom('# BEGIN ensign', '# END ensign', '# BEGIN ensign: x', 'other', '# END ensign  \r');
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 6 }), (lines) => {
        const text = lines.join('\n');
        const kinds = lines.flatMap((line) => (line.startsWith('# BEGIN') ? 'B' : line.startsWith('# END') ? 'E' : [])).join('');
        try {
          withBlock(text, ['x'], 'kh');
          expect(['', 'BE']).toContain(kinds);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect([error.code, kinds === '' || kinds === 'BE']).toEqual(['known-hosts/damaged-block', false]);
          expect(error.at?.line).toBe(lines.findIndex((line) => line !== 'other') + 1);
        }
      }),
    );
  });
});
