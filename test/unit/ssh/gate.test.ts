import { describe, expect, it } from 'vitest';
import { Gate } from '../../../src/ssh/gate.ts';

/** Handshakes that last until they are told to end; `most` is how many there ever were at once, for each door and in all. */
function handshakes(gate: Gate): { begin: (door: string) => Promise<string>; end: () => void; under: () => number; most: Map<string, number> } {
  const under = new Map<string, number>();
  const most = new Map<string, number>();
  const waiting: (() => void)[] = [];
  const count = (name: string, by: number): void => {
    const now = (under.get(name) ?? 0) + by;
    under.set(name, now);
    most.set(name, Math.max(now, most.get(name) ?? 0));
  };
  const begin = (door: string): Promise<string> =>
    gate.run(door, async () => {
      for (const name of [door, 'all']) count(name, 1);
      await new Promise<void>((resolve) => waiting.push(resolve));
      for (const name of [door, 'all']) count(name, -1);
      return door;
    });
  return { begin, end: () => waiting.shift()?.(), under: () => under.get('all') ?? 0, most };
}

describe('Gate', () => {
  it('lets so many through each door, so many in all, and everybody in the end', async () => {
    const { begin, end, under, most } = handshakes(new Gate({ overall: 5, perDoor: 3 }));
    const done = Promise.all(['a', 'a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'c'].map(begin));
    for (let i = 0; i < 10; i++) {
      await expect.poll(under).toBeGreaterThan(0);
      end();
    }
    expect(await done).toHaveLength(10);
    expect(Object.fromEntries(most)).toEqual({ a: 3, b: 3, c: 1, all: 5 });
  });

  it('a crowd at one door leaves the others open', async () => {
    const { begin, end, under } = handshakes(new Gate({ overall: 3, perDoor: 2 }));
    const crowd = Promise.all(Array.from({ length: 20 }, () => begin('a')));
    const other = begin('b');
    await expect.poll(under).toBe(3);
    for (let i = 0; i < 21; i++) {
      await expect.poll(under).toBeGreaterThan(0);
      end();
    }
    await Promise.all([crowd, other]);
  });

  it('a handshake that fails gives its place back', async () => {
    const gate = new Gate({ overall: 1, perDoor: 1 });
    await expect(gate.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await gate.run('a', () => Promise.resolve('yes'))).toBe('yes');
  });
});
