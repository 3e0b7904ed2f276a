import { execFileSync } from 'node:child_process';
import { inTurns, median, milliseconds, ratios, rounded, type Bench } from './measure.ts';

const ENSIGN = new URL('../dist/ensign.js', import.meta.url).pathname;

/** `ensign --help` of the built program against a Node that does nothing. */
export const startBench: Bench = {
  sizes: { full: { rounds: 15, count: 1 }, small: { rounds: 1, count: 1 } },
  async run({ rounds }) {
    const run = (...args: readonly string[]): Promise<number> => milliseconds(() => execFileSync(process.execPath, args, { stdio: 'ignore' }));
    const { ours, peer } = await inTurns(rounds, () => run(ENSIGN, '--help'), () => run('-e', '0'));
    return { help_ms: rounded(median(ours), 1), node_ms: rounded(median(peer), 1), ...ratios(ours, peer) };
  },
};
