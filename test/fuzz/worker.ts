// A process of its own for the inputs: one that hangs, or eats the memory, takes nothing but this process with it.
import { openSync, writeSync } from 'node:fs';
import { outcomeOf } from './outcome.ts';
import { allTargets, inputOf } from './targets.ts';

/** A piece of work: some inputs of one target. */
export interface Chunk {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** What came of a chunk. `words` counts the outcomes. */
export interface ChunkResult {
  readonly words: Readonly<Record<string, number>>;
  readonly findings: readonly { readonly input: number; readonly what: string }[];
  readonly milliseconds: number;
  readonly slowest: { readonly input: number; readonly milliseconds: number };
}

const MOST_FINDINGS = 3;
const targets = new Map([...allTargets(), await testTarget()].flatMap((target) => (target === undefined ? [] : [[target.name, target] as const])));
// the number of the input that runs now, where the parent can read it even if this process never gets to say anything
const progress = openSync(process.argv[2] ?? '', 'w');
const number = Buffer.alloc(4);

process.on('message', (chunk: Chunk) => {
  void run(chunk).then((result) => process.send?.(result));
});
process.send?.('ready');

async function run({ target: name, seed, from, to }: Chunk): Promise<ChunkResult> {
  const target = targets.get(name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const words: Record<string, number> = {};
  const findings: { input: number; what: string }[] = [];
  let slowest = { input: from, milliseconds: 0 };
  const start = performance.now();
  let before = start;
  for (let i = from; i < to; i += 1) {
    number.writeUInt32LE(i);
    writeSync(progress, number, 0, 4, 0);
    const outcome = await outcomeOf(target, inputOf(target, seed, i));
    if ('word' in outcome) words[outcome.word] = (words[outcome.word] ?? 0) + 1;
    else if (findings.length < MOST_FINDINGS) findings.push({ input: i, what: outcome.broken });
    const now = performance.now();
    if (now - before > slowest.milliseconds) slowest = { input: i, milliseconds: now - before };
    before = now;
  }
  return { words, findings, milliseconds: before - start, slowest };
}

/** The test of the watchdog brings a target of its own. */
async function testTarget(): Promise<ReturnType<typeof allTargets>[number] | undefined> {
  const file = process.env['ENSIGN_FUZZ_TARGET'];
  if (file === undefined) return undefined;
  return ((await import(file)) as { target: ReturnType<typeof allTargets>[number] }).target;
}
