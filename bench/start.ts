import { execFileSync } from 'node:child_process';
import { inTurns, milliseconds, rounded, type Figures } from './measure.ts';

const ENSIGN = new URL('../dist/ensign.js', import.meta.url).pathname;

/** `ensign --help` of the built program against a Node that does nothing. */
export async function benchStart(): Promise<Figures> {
  const run = (...args: readonly string[]): Promise<number> => milliseconds(() => execFileSync(process.execPath, args, { stdio: 'ignore' }));
  const { ours, peer } = await inTurns(15, () => run(ENSIGN, '--help'), () => run('-e', '0'));
  return { help_ms: rounded(ours, 1), node_ms: rounded(peer, 1), ratio: rounded(ours / peer) };
}
