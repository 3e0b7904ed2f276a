import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inTurns, median, milliseconds, ratios, rounded, type Bench } from './measure.ts';

const ROOT = new URL('..', import.meta.url).pathname;

/** `ensign --help` of the program, built anew, against a Node that does nothing. */
export const startBench: Bench = {
  sizes: { full: { rounds: 15, count: 1 }, small: { rounds: 1, count: 1 } },
  async run({ rounds }) {
    // below node_modules, where the program finds its packages
    const cache = join(ROOT, 'node_modules/.cache');
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, 'ensign-bench-'));
    const run = (...args: readonly string[]): Promise<number> => milliseconds(() => execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
    try {
      await run(join(ROOT, 'scripts/build.mjs'), folder);
      const { ours, peer } = await inTurns(rounds, () => run(join(folder, 'ensign.js'), '--help'), () => run('-e', '0'));
      return { help_ms: rounded(median(ours), 1), node_ms: rounded(median(peer), 1), ...ratios(ours, peer) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
