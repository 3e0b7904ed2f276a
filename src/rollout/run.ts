import pLimit from 'p-limit';

export interface RunOptions {
  /** How many hosts are worked on at once. */
  readonly concurrency: number;
  /** When aborted, hosts that have not begun are left out; those that have are finished. */
  readonly signal: AbortSignal;
}

/** Works on many hosts, each result in the place of its host; `skipped` stands for hosts that were not begun. */
export async function runHosts<Task, Result>(tasks: readonly Task[], options: RunOptions, work: (task: Task) => Promise<Result>, skipped: (task: Task) => Result): Promise<Result[]> {
  const limit = pLimit(options.concurrency);
  return Promise.all(tasks.map((task) => limit(() => (options.signal.aborted ? Promise.resolve(skipped(task)) : work(task)))));
}
