import type { Random } from './random.ts';

/** Nothing grows beyond this, so that no input is slow only because it is long. */
export const LONGEST = 32 * 1024;

const EDGES = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff];

type Change = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

// all of them blind: they know nothing of what the bytes mean
const CHANGES: readonly Change[] = [
  (bytes, random) => patched(bytes, random.below(bytes.length), (old) => old ^ (1 << random.below(8))),
  (bytes, random) => patched(bytes, random.below(bytes.length), () => random.next() & 0xff),
  (bytes, random) => patched(bytes, random.below(bytes.length), () => random.pick([0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x20, 0x2c])),
  (bytes, random) => patched(bytes, random.below(bytes.length), (old) => old + random.pick([-1, 1])),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  (bytes, random) => bytes.subarray(random.below(bytes.length)),
  (bytes, random) => replaced(bytes, ...range(bytes, random), new Uint8Array(0)),
  (bytes, random) => replaced(bytes, random.below(bytes.length + 1), 0, random.bytes(1 + random.size(64))),
  (bytes, random) => {
    const [at, count] = range(bytes, random);
    return replaced(bytes, at, 0, bytes.subarray(at, at + count));
  },
  (bytes, random) => overwritten(bytes, random.below(bytes.length), u32(random.pick(EDGES))),
  (bytes, random) => overwritten(bytes, random.below(bytes.length), u32(bytes.length + random.below(9) - 4)),
  // the head of one and the tail of another
  (bytes, random, others) => joined(bytes.subarray(0, random.below(bytes.length + 1)), tail(random.pick(others), random)),
  (bytes, random, others) => {
    const other = random.pick(others);
    const [at, count] = range(other, random);
    return overwritten(bytes, random.below(bytes.length), other.subarray(at, at + count));
  },
];

/** Some blind changes, one after the other; `others` are what pieces are taken from. */
export function mutateBytes(bytes: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
  let result = bytes;
  for (let left = 1 + random.size(4); left > 0; left -= 1) result = random.pick(CHANGES)(result, random, others).subarray(0, LONGEST);
  return result;
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** A copy in which `count` bytes gave way to others. */
export function replaced(bytes: Uint8Array, at: number, count: number, by: Uint8Array): Uint8Array {
  return joined(bytes.subarray(0, at), by, bytes.subarray(at + count));
}

function patched(bytes: Uint8Array, at: number, change: (old: number) => number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (at < copy.length) copy[at] = change(copy[at] ?? 0);
  return copy;
}

function overwritten(bytes: Uint8Array, at: number, by: Uint8Array): Uint8Array {
  return replaced(bytes, at, by.length, by);
}

function range(bytes: Uint8Array, random: Random): [at: number, count: number] {
  const at = random.below(bytes.length);
  return [at, 1 + random.size(Math.max(0, bytes.length - at - 1))];
}

function tail(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.subarray(random.below(bytes.length));
}
