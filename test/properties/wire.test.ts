import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { WireReader } from '../../src/wire/reader.ts';
import { WireWriter } from '../../src/wire/writer.ts';

type Value =
  | { kind: 'byte'; value: number }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'uint32'; value: number }
  | { kind: 'uint64'; value: bigint }
  | { kind: 'string'; value: Uint8Array }
  | { kind: 'utf8'; value: string }
  | { kind: 'mpint'; value: Uint8Array }
  | { kind: 'nameList'; value: string[] };

const bytes = fc.uint8Array({ maxLength: 80 });
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('boolean' as const), value: fc.boolean() }),
  fc.record({ kind: fc.constant('uint32' as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  fc.record({ kind: fc.constant('uint64' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({ kind: fc.constant('string' as const), value: bytes }),
  fc.record({ kind: fc.constant('utf8' as const), value: fc.string({ unit: 'binary', maxLength: 60 }) }),
  fc.record({ kind: fc.constant('mpint' as const), value: bytes.map(withoutLeadingZeros) }),
  fc.record({ kind: fc.constant('nameList' as const), value: fc.array(fc.stringMatching(/^[a-z0-9@.-]+$/), { maxLength: 5 }) }),
);
const kinds = ['byte', 'boolean', 'uint32', 'uint64', 'string', 'utf8', 'text', 'mpint', 'nameList'] as const;

describe('reader and writer', () => {
  it('whatever is written is read back, and nothing is left', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 30 }), fc.integer({ min: 0, max: 64 }), (values, capacity) => {
        const writer = new WireWriter(capacity);
        for (const v of values) write(writer, v);
        const reader = new WireReader(writer.finish());
        expect(values.map((v) => reader[v.kind]())).toEqual(values.map((v) => v.value));
        reader.end();
      }),
    );
  });

  it('reading any bytes in any way ends, with a value or an error that has a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 30 }), (input, reads) => {
        const reader = new WireReader(input);
        try {
          for (const kind of reads) {
            const before = reader.remaining;
            reader[kind]();
            // a reader that does not move on is how a loop over a list hangs
            expect(reader.remaining).toBeLessThan(before);
          }
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(error.code).toMatch(/^wire\/(truncated|bad-text|non-canonical-integer)$/);
        }
      }),
    );
  });

  it('an mpint that is read was written in the only possible way', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (content) => {
        const input = new WireWriter().string(content).finish();
        try {
          expect(new WireWriter().mpint(new WireReader(input).mpint()).finish()).toEqual(input);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('what was finished does not change when the writer goes on', () => {
    fc.assert(
      fc.property(bytes, bytes, (first, second) => {
        const writer = new WireWriter(8).string(first);
        const finished = writer.finish();
        const copy = Uint8Array.from(finished);
        writer.string(second);
        expect(finished).toEqual(copy);
      }),
    );
  });
});

function write(writer: WireWriter, { kind, value }: Value): void {
  switch (kind) {
    case 'byte':
      writer.byte(value);
      return;
    case 'boolean':
      writer.boolean(value);
      return;
    case 'uint32':
      writer.uint32(value);
      return;
    case 'uint64':
      writer.uint64(value);
      return;
    case 'string':
    case 'utf8':
      writer.string(value);
      return;
    case 'mpint':
      writer.mpint(value);
      return;
    case 'nameList':
      writer.nameList(value);
      return;
  }
}

function withoutLeadingZeros(value: Uint8Array): Uint8Array {
  const first = value.findIndex((byte) => byte !== 0);
  return first === -1 ? new Uint8Array(0) : value.slice(first);
}
