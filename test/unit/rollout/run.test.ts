import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runHosts } from '../../../src/rollout/run.ts';
import { Turns } from '../../../src/rollout/turns.ts';

interface Task {
  readonly n: number;
  readonly groups: readonly string[];
}

const NAMES = ['a', 'b', 'c', 'd'];
const scenario = fc.record({
  atOnce: fc.integer({ min: 1, max: 6 }),
  limits: fc.dictionary(fc.constantFrom(...NAMES), fc.integer({ min: 1, max: 3 })),
  tasks: fc.array(fc.subarray(NAMES), { maxLength: 40 }),
  picks: fc.infiniteStream(fc.nat()),
});

/** What a person would do with pencil and paper: the earliest task that fits, looking at all of them every time. */
class Naive {
  readonly #running = new Set<number>();
  readonly #begun = new Set<number>();
  readonly #atOnce: number;
  readonly #limits: ReadonlyMap<string, number>;
  readonly #tasks: readonly (readonly string[])[];

  constructor(atOnce: number, limits: ReadonlyMap<string, number>, tasks: readonly (readonly string[])[]) {
    this.#atOnce = atOnce;
    this.#limits = limits;
    this.#tasks = tasks;
  }

  begin(): number | undefined {
    if (this.#running.size >= this.#atOnce) return undefined;
    const free = (name: string): boolean => [...this.#running].filter((task) => this.#tasks[task]?.includes(name)).length < (this.#limits.get(name) ?? Infinity);
    const task = this.#tasks.findIndex((groups, i) => !this.#begun.has(i) && groups.every(free));
    if (task < 0) return undefined;
    this.#running.add(task);
    this.#begun.add(task);
    return task;
  }

  end(task: number): void {
    this.#running.delete(task);
  }
}

describe('turns', () => {
  it('are the same as by looking at every task every time, whichever task ends when', () => {
    fc.assert(
      fc.property(scenario, ({ atOnce, limits, tasks, picks }) => {
        const limit = new Map(Object.entries(limits));
        const [ours, naive] = [new Turns(atOnce, limit, tasks), new Naive(atOnce, limit, tasks)];
        const running: number[] = [];
        let begun = 0;
        for (const pick of picks) {
          const next = ours.begin();
          expect(next).toBe(naive.begin());
          if (next !== undefined) {
            running.push(next);
            begun += 1;
          } else if (running.length > 0) {
            const [done = -1] = running.splice(pick % running.length, 1);
            ours.end(done);
            naive.end(done);
          } else {
            break;
          }
        }
        expect(begun).toBe(tasks.length);
      }),
      { numRuns: 1500 },
    );
  });

  it('of a hundred thousand hosts in ten thousand groups within one are given without asking each about each', () => {
    const tasks = Array.from({ length: 100_000 }, (_, i) => [`rack-${i % 10_000}`, 'all']);
    const turns = new Turns(200, new Map([['all', 50], ...Array.from({ length: 10_000 }, (_, i): [string, number] => [`rack-${i}`, 1])]), tasks);
    const running: number[] = [];
    let begun = 0;
    for (let next = turns.begin(); next !== undefined || running.length > 0; next = turns.begin()) {
      if (next === undefined) {
        turns.end(running.shift() ?? -1);
        continue;
      }
      running.push(next);
      begun += 1;
      if (running.length > 50) throw new Error('more at once than the group allows');
    }
    expect(begun).toBe(100_000);
  });
});

describe('runHosts', () => {
  const options = (more: Partial<Parameters<typeof runHosts>[1]> = {}): Parameters<typeof runHosts>[1] => ({ concurrency: 20, groupConcurrency: new Map(), signal: new AbortController().signal, ...more });
  const tasks = (...groups: readonly (readonly string[])[]): Task[] => groups.map((names, n) => ({ n, groups: names }));
  const none = (): string => 'skipped';

  it('gives each result in the place of its host, whoever ends first', async () => {
    const release: (() => void)[] = [];
    const all = runHosts(tasks([], [], []), options(), ({ n }) => new Promise<string>((resolve) => (release[n] = () => resolve(`r${n}`))), none);
    for (const n of [2, 0, 1]) release[n]?.();
    expect(await all).toEqual(['r0', 'r1', 'r2']);
  });

  it('keeps within the limits of groups, nested ones together, and lets others pass', async () => {
    const working = new Set<Task>();
    const most: Record<string, number> = {};
    const order: number[] = [];
    const work = async (task: Task): Promise<string> => {
      working.add(task);
      order.push(task.n);
      for (const name of ['db', 'inside']) most[name] = Math.max(most[name] ?? 0, [...working].filter(({ groups }) => groups.includes(name)).length);
      await Promise.resolve();
      working.delete(task);
      return 'done';
    };
    const groupConcurrency = new Map([['db', 1], ['inside', 2]]);
    const results = await runHosts(tasks(['db', 'inside'], ['db', 'inside'], ['web', 'inside'], ['web', 'inside'], ['web']), options({ groupConcurrency }), work, none);
    expect(results).toEqual(['done', 'done', 'done', 'done', 'done']);
    expect(most).toEqual({ db: 1, inside: 2 });
    // the second database waits, hosts that stand behind it do not
    expect(order.slice(0, 3)).toEqual([0, 2, 4]);
  });

  it('begins nothing any more when interrupted, finishes what had begun, and says so of the rest', async () => {
    const stop = new AbortController();
    const work = async ({ n }: Task): Promise<string> => {
      await Promise.resolve();
      if (n === 1) stop.abort();
      return `r${n}`;
    };
    expect(await runHosts(tasks(['g'], ['g'], ['g'], []), options({ concurrency: 2, groupConcurrency: new Map([['g', 1]]), signal: stop.signal }), work, none)).toEqual(['r0', 'r1', 'skipped', 'r3']);
  });

  it('ends with the error of a host that throws, after those that had begun', async () => {
    const ended: number[] = [];
    const work = async ({ n }: Task): Promise<string> => {
      if (n === 0) throw new Error('a fault of ours');
      await Promise.resolve();
      ended.push(n);
      return '';
    };
    await expect(runHosts(tasks([], [], []), options({ concurrency: 2 }), work, none)).rejects.toThrow('a fault of ours');
    expect(ended).toEqual([1]);
  });
});
