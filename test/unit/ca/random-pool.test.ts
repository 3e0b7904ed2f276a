import { expect, it } from 'vitest';
import { pooled } from '../../../src/ca/random-pool.ts';

/** 0, 1, 2, ... over all calls, so that what is left out or given twice shows. */
function counting(): { random: (length: number) => Uint8Array; blocks: Uint8Array[] } {
  let next = 0;
  const blocks: Uint8Array[] = [];
  const random = (length: number): Uint8Array => {
    const block = new Uint8Array(Uint16Array.from({ length: Math.ceil(length / 2) }, () => next++).buffer).subarray(0, length);
    blocks.push(block);
    return block;
  };
  return { random, blocks };
}

it('gives every draw bytes of its own, as many as were asked for', () => {
  const source = counting();
  const draw = pooled(source.random);
  const drawn = Array.from({ length: 1000 }, (_, i) => draw([6, 32, 8][i % 3] ?? 0));
  expect(drawn.map((bytes) => bytes.length)).toEqual(Array.from({ length: 1000 }, (_, i) => [6, 32, 8][i % 3]));
  const pairs = drawn.flatMap((bytes) => Array.from({ length: bytes.length / 2 }, (_, i) => (bytes[2 * i] ?? 0) + 256 * (bytes[2 * i + 1] ?? 0)));
  expect(new Set(pairs).size).toBe(pairs.length);
  expect(source.blocks.length).toBeLessThan(10);
});

it('a draw is a copy', () => {
  const fed = new Uint8Array(4096).fill(7);
  const draw = pooled(() => fed);
  const first = draw(16);
  first.fill(9);
  expect([...draw(16)]).toEqual(Array.from({ length: 16 }, () => 7));
  // the source's own block is copied, so that a source that reuses its memory cannot change what comes next
  fed.fill(0);
  expect([...draw(16)]).toEqual(Array.from({ length: 16 }, () => 7));
});

it('a draw longer than a block comes straight from the source', () => {
  const source = counting();
  expect(pooled(source.random)(10_000)).toHaveLength(10_000);
  expect(source.blocks.map((block) => block.length)).toEqual([10_000]);
});
