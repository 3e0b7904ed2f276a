import { Child, Lost, type Budgets } from './child.ts';
import type { Finding } from './outcome.ts';
import { shares } from './targets.ts';
import type { Target } from './target.ts';
import type { Chunk, ChunkResult } from './worker.ts';

/** What one target has been through. */
export interface TargetResult {
  runs: number;
  /** Of work, summed over all processes. */
  milliseconds: number;
  readonly words: Map<string, number>;
  slowest: { readonly input: number; readonly milliseconds: number };
}

export interface FuzzResult {
  readonly targets: ReadonlyMap<string, TargetResult>;
  readonly findings: readonly Finding[];
}

export interface FuzzOptions extends Budgets {
  readonly runs: number;
  readonly seed: number;
  readonly jobs: number;
}

const CHUNK = 500;
// one broken promise tends to show in a thousand inputs
const MOST_FINDINGS = 20;

/** Feeds every target its share of mutated inputs, in processes that are watched. The same inputs whatever `jobs` is. */
export async function fuzz(targets: readonly Target[], options: FuzzOptions): Promise<FuzzResult> {
  const queue = chunksOf(targets, options);
  const results = new Map<string, TargetResult>(targets.map(({ name }) => [name, { runs: 0, milliseconds: 0, words: new Map<string, number>(), slowest: { input: 0, milliseconds: 0 } }]));
  const findings: Finding[] = [];
  const children = Array.from({ length: options.jobs }, () => new Child(options));
  const work = async (child: Child): Promise<void> => {
    for (let chunk = queue.shift(); chunk !== undefined && findings.length < MOST_FINDINGS; chunk = queue.shift()) {
      try {
        const done = await child.run(chunk);
        add(results, chunk, done);
        for (const finding of done.findings) findings.push({ target: chunk.target, ...finding });
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        findings.push({ target: chunk.target, input: error.input, what: error.message });
        // the others of this chunk are still to be tried
        if (error.input + 1 < chunk.to) queue.unshift({ ...chunk, from: error.input + 1 });
      }
    }
  };
  try {
    await Promise.all(children.map(work));
  } finally {
    for (const child of children) child.stop();
  }
  return { targets: results, findings };
}

/** Chunks of all targets in turn, so that the slow ones do not all wait for the end. */
function chunksOf(targets: readonly Target[], { runs, seed }: FuzzOptions): Chunk[] {
  const chunks = [...shares(targets, runs)].flatMap(([target, count]) =>
    Array.from({ length: Math.ceil(count / CHUNK) }, (_, i) => ({ target: target.name, seed, from: i * CHUNK, to: Math.min(count, (i + 1) * CHUNK) })),
  );
  return chunks.sort((a, b) => a.from - b.from);
}

function add(results: ReadonlyMap<string, TargetResult>, chunk: Chunk, done: ChunkResult): void {
  const result = results.get(chunk.target);
  if (result === undefined) return;
  result.runs += chunk.to - chunk.from;
  result.milliseconds += done.milliseconds;
  if (done.slowest.milliseconds > result.slowest.milliseconds) result.slowest = done.slowest;
  for (const [word, count] of Object.entries(done.words)) result.words.set(word, (result.words.get(word) ?? 0) + count);
}
