import { Turns } from './turns.ts';

export interface RunOptions {
  /** How many hosts are worked on at once. */
  readonly concurrency: number;
  /** Group -> how many of its hosts are worked on at once; a host in several of them counts in each. */
  readonly groupConcurrency: ReadonlyMap<string, number>;
  /** When aborted, hosts that have not begun are left out; those that have are finished. */
  readonly signal: AbortSignal;
}

/**
 * Works on many hosts, each result in the place of its host; `skipped` stands for hosts that were not begun. When
 * `work` throws, which it should not, no further host is begun, and the error is thrown once those that run have ended.
 */
export async function runHosts<Task extends { readonly groups: readonly string[] }, Result>(
  tasks: readonly Task[],
  { concurrency, groupConcurrency, signal }: RunOptions,
  work: (task: Task) => Promise<Result>,
  skipped: (task: Task) => Result,
): Promise<Result[]> {
  const turns = new Turns(concurrency, groupConcurrency, tasks.map(({ groups }) => groups));
  const results = new Map<number, Result>();
  const failures: unknown[] = [];
  let running = 0;
  let ended = (): void => undefined;
  const run = async (index: number, task: Task): Promise<void> => {
    running += 1;
    try {
      results.set(index, await work(task));
    } catch (error) {
      failures.push(error);
    }
    running -= 1;
    turns.end(index);
    ended();
  };
  for (;;) {
    const index = failures.length > 0 || signal.aborted ? undefined : turns.begin();
    const task = index === undefined ? undefined : tasks[index];
    if (index !== undefined && task !== undefined) void run(index, task);
    else if (running === 0) break;
    else await new Promise<void>((resolve) => (ended = resolve));
  }
  if (failures.length > 0) throw failures[0];
  return tasks.map((task, i) => (results.has(i) ? (results.get(i) as Result) : skipped(task)));
}
