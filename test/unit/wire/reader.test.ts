import { describe, expect, it } from 'vitest';
import { WireReader } from '../../../src/wire/reader.ts';
import { codeOf } from '../../vectors/code-of.ts';

describe('WireReader', () => {
  // the examples of RFC 4251 section 5
  it.each([
    ['00000000', ''],
    ['00000008 09a378f9b2e332a7', '09a378f9b2e332a7'],
    ['00000002 0080', '80'],
  ])('reads the mpint %s', (wire, magnitude) => {
    expect(hex(reader(wire).mpint())).toBe(magnitude);
  });

  it.each([
    ['negative: -1234', '00000002 edcc'],
    ['negative: -deadbeef', '00000005 ff21524111'],
    ['zero in a byte', '00000001 00'],
    ['a needless zero', '00000002 007f'],
    ['two zeros', '00000003 000080'],
  ])('refuses an mpint that is %s', (_why, wire) => {
    expect(codeOf(() => reader(wire).mpint())).toBe('wire/non-canonical-integer');
  });

  it('reads big numbers unsigned', () => {
    expect(reader('ffffffff').uint32()).toBe(4_294_967_295);
    expect(reader('ffffffffffffffff').uint64()).toBe(2n ** 64n - 1n);
  });

  it('takes every byte but 0 for true, as RFC 4251 wants', () => {
    expect([reader('00').boolean(), reader('01').boolean(), reader('02').boolean()]).toEqual([false, true, true]);
  });

  it.each(['byte', 'boolean', 'uint32', 'uint64', 'string', 'utf8', 'text', 'mpint', 'nameList'] as const)('%s: an early end is an error', (method) => {
    expect(codeOf(() => reader('')[method]())).toBe('wire/truncated');
  });

  it('a length beyond the end is an error, however big', () => {
    expect(codeOf(() => reader('00000003 6162').string())).toBe('wire/truncated');
    expect(codeOf(() => reader('ffffffff 6162').string())).toBe('wire/truncated');
    expect(codeOf(() => reader('6162').bytes(-1))).toBe('wire/truncated');
    expect(codeOf(() => reader('6162').bytes(Number.NaN))).toBe('wire/truncated');
  });

  it('does not move on when it fails', () => {
    const failing = reader('00000001');
    expect(codeOf(() => failing.uint64())).toBe('wire/truncated');
    expect(failing.uint32()).toBe(1);
    failing.end();
  });

  it('keeps a byte order mark: dropping it would make two texts one', () => {
    expect(reader('00000004 efbbbf61').utf8()).toBe('\ufeffa');
  });

  it('refuses bytes that are not UTF-8, and NUL where OpenSSH reads a C string', () => {
    expect(codeOf(() => reader('00000001 ff').utf8())).toBe('wire/bad-text');
    expect(codeOf(() => reader('00000003 610062').text())).toBe('wire/bad-text');
    expect(reader('00000003 610062').utf8()).toBe('a\0b');
  });

  it.each([
    ['', []],
    ['zlib,none', ['zlib', 'none']],
  ])('reads the name list "%s"', (text, names) => {
    expect(new WireReader(lengthAnd(text)).nameList()).toEqual(names);
  });

  it.each([',', 'a,', ',a', 'a,,b', 'a b', 'a\n', 'é'])('refuses the name list %j', (text) => {
    expect(codeOf(() => new WireReader(lengthAnd(text)).nameList())).toBe('wire/bad-text');
  });

  it('end refuses what is left', () => {
    expect(codeOf(() => reader('00').end())).toBe('wire/trailing-bytes');
    reader('').end();
  });

  it('reads a slice of a bigger buffer, and gives plain arrays also from a Buffer', () => {
    const pooled = Buffer.from('ffff0000000261620000', 'hex').subarray(2, 8);
    const inner = new WireReader(pooled);
    const text = inner.string();
    inner.end();
    expect(text).toEqual(Uint8Array.of(0x61, 0x62));
    expect(Buffer.isBuffer(text)).toBe(false);
  });
});

function reader(text: string): WireReader {
  return new WireReader(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}

function lengthAnd(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(0, 0, 0, bytes.length), bytes]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
