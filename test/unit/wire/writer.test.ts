import { describe, expect, it } from 'vitest';
import { WireWriter } from '../../../src/wire/writer.ts';
import { codeOf } from '../../vectors/code-of.ts';

describe('WireWriter', () => {
  it.each([
    ['', '00000000'],
    ['0000', '00000000'],
    ['09a378f9b2e332a7', '0000000809a378f9b2e332a7'],
    ['80', '000000020080'],
    ['000080', '000000020080'],
  ])('writes the magnitude %j as the mpint of RFC 4251', (magnitude, wire) => {
    expect(hex(new WireWriter().mpint(Buffer.from(magnitude, 'hex')))).toBe(wire);
  });

  it('writes every type', () => {
    const writer = new WireWriter().byte(255).boolean(true).boolean(false).uint32(4_294_967_295).uint64(2n ** 64n - 1n);
    writer.string('é').string(Uint8Array.of(1)).nameList(['a', 'b']).nameList([]).bytes(Uint8Array.of(9));
    expect(hex(writer)).toBe('ff0100ffffffffffffffffffffffff' + '00000002c3a9' + '0000000101' + '00000003612c62' + '00000000' + '09');
  });

  it('writes strings in strings, also where it has to grow in the middle of one', () => {
    const writer = new WireWriter(0).nested(() => undefined).nested((outer) => outer.string('a').nested((inner) => inner.byte(7)));
    expect(hex(writer)).toBe('00000000' + '0000000a' + '0000000161' + '0000000107');
  });

  it.each([
    ['byte', 256],
    ['byte', -1],
    ['byte', 1.5],
    ['byte', Number.NaN],
    ['uint32', 2 ** 32],
    ['uint32', -1],
  ] as const)('refuses the %s %d: it is never cut to size', (method, value) => {
    expect(codeOf(() => new WireWriter()[method](value))).toBe('wire/out-of-range');
  });

  it.each([2n ** 64n, -1n])('refuses the uint64 %d', (value) => {
    expect(codeOf(() => new WireWriter().uint64(value))).toBe('wire/out-of-range');
  });

  it('refuses half a surrogate pair, which would silently become another character', () => {
    expect(codeOf(() => new WireWriter().string('a\ud83d'))).toBe('wire/bad-text');
  });

  it('grows from nothing, and a text that turns out not to be ASCII leaves no trace', () => {
    const writer = new WireWriter(0);
    for (let i = 0; i < 1000; i += 1) writer.string('aaaaé');
    expect(hex(writer)).toBe('0000000661616161c3a9'.repeat(1000));
  });
});

function hex(writer: WireWriter): string {
  return Buffer.from(writer.finish()).toString('hex');
}
