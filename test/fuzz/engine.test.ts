import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { target as brokenTarget } from './broken/target.ts';
import { fuzz, type FuzzOptions } from './fuzz.ts';
import { outcomeOf } from './outcome.ts';
import { allTargets, inputOf, shares } from './targets.ts';
import { Broken, type Target } from './target.ts';

const targets = allTargets();

describe('inputs', () => {
  it('are the same in every run, and others with another seed or number', () => {
    for (const target of targets) {
      const inputs = (seed: number): string[] => Array.from({ length: 20 }, (_, i) => Buffer.from(inputOf(target, seed, i)).toString('base64'));
      expect(inputs(1)).toEqual(inputs(1));
      expect(inputs(2)).not.toEqual(inputs(1));
      expect(new Set(inputs(1)).size).toBeGreaterThan(5);
    }
  });

  it('are shared out by weight, to the last one', () => {
    const counts = [...shares(targets, 200_000)];
    expect(counts.reduce((sum, [, count]) => sum + count, 0)).toBe(200_000);
    expect(Math.min(...counts.map(([, count]) => count))).toBeGreaterThan(100);
  });

  it('are neither all taken nor all refused, for any decoder that can refuse', async () => {
    for (const target of targets) {
      const words = new Set<string>();
      for (let i = 0; i < (target.weight < 2 ? 40 : 300); i += 1) {
        const outcome = await outcomeOf(target, inputOf(target, 1, i));
        words.add('word' in outcome ? outcome.word : outcome.broken);
      }
      expect([target.name, words.size > (target.name === 'sshd-T' ? 0 : 1)]).toEqual([target.name, true]);
    }
  });
});

describe('an outcome', () => {
  const target = (run: () => string): Target => ({ name: 't', weight: 1, areas: ['good/'], seeds: [], mutate: (seed) => seed, run });
  const thrown = (error: Error): (() => string) => () => {
    throw error;
  };
  it.each<[what: string, run: () => string, outcome: object]>([
    ['accepted', () => 'accepted', { word: 'accepted' }],
    ['refused with a code of its area', thrown(new AppError('good/no', 'no')), { word: 'good/no' }],
    ['a code of another area', thrown(new AppError('other/no', 'no')), { broken: expect.stringContaining('other/no') as unknown }],
    ['a code of another area among the details', thrown(new AppError('good/no', 'no', { details: [new AppError('other/no', 'no')] })), { broken: expect.stringContaining('other/no') as unknown }],
    ['a crash', thrown(new TypeError('x is undefined')), { broken: expect.stringContaining('x is undefined') as unknown }],
    ['a broken promise', thrown(new Broken('other bytes')), { broken: 'other bytes' }],
  ])('%s', async (_what, run, outcome) => {
    expect(await outcomeOf(target(run), new Uint8Array())).toEqual(outcome);
  });
});

describe('a worker', { timeout: 120_000 }, () => {
  const extraTarget = join(import.meta.dirname, 'broken/target.ts');
  const first = Array.from({ length: 100 }, (_, i) => i).find((i) => (inputOf(brokenTarget, 3, i)[0] ?? 0) % 16 === 7) ?? -1;
  const run = async (mode: string, options: Partial<FuzzOptions>): Promise<readonly { input: number | string; what: string }[]> =>
    (await fuzz([brokenTarget], { runs: first + 1, seed: 3, jobs: 1, extraTarget, extraMode: mode, ...options })).findings;

  it.each<[mode: string, options: Partial<FuzzOptions>, what: RegExp]>([
    ['crash', {}, /a crash/],
    ['hang', { cpuSeconds: 1 }, /hangs/],
    ['wait', { stillSeconds: 1 }, /waits/],
    ['exit', {}, /died \(SIGABRT\)/],
    ['memory', { memoryMib: 300 }, /MiB of memory/],
  ])('that falls by %s is reported with its input', async (mode, options, what) => {
    expect(await run(mode, options)).toEqual([{ target: 'broken', input: first, what: expect.stringMatching(what) as unknown }]);
  });

  it('gives the same counts whatever the number of processes', async () => {
    const some = targets.filter(({ name }) => name === 'public-key' || name === 'duration');
    const words = async (jobs: number): Promise<unknown> => [...(await fuzz(some, { runs: 2000, seed: 5, jobs })).targets].map(([name, { runs, words: found }]) => [name, runs, [...found].sort()]);
    expect(await words(3)).toEqual(await words(1));
  });
});
