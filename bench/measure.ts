/** Several figures as one, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface Size {
  readonly rounds: number;
  /** How many of whatever is counted, in each round. */
  readonly count: number;
}

export type Figures = Readonly<Record<string, number>>;

export interface Bench {
  /** `small` is for the test that keeps the bench from rotting; its figures mean nothing. */
  readonly sizes: Readonly<Record<'full' | 'small', Size>>;
  run(size: Size): Promise<Figures>;
}

/** The middle of several figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export function spread(figures: readonly number[]): Spread {
  return { median: median(figures), low: Math.min(...figures), high: Math.max(...figures) };
}

/** Milliseconds that something takes. */
export async function milliseconds(action: () => unknown): Promise<number> {
  const from = process.hrtime.bigint();
  await action();
  return Number(process.hrtime.bigint() - from) / 1e6;
}

/** Milliseconds of processor time that something takes in this process, all threads: others on the machine do not count. */
export async function processorMilliseconds(action: () => unknown): Promise<number> {
  const from = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
}

/**
 * Both sides in turn, several rounds after one that does not count: a machine that slows down slows both. What each
 * round gave stays side by side, for {@link ratios}.
 */
export async function inTurns(rounds: number, ours: () => Promise<number>, peer: () => Promise<number>): Promise<{ ours: number[]; peer: number[] }> {
  await ours();
  await peer();
  const times = { ours: [] as number[], peer: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    times.ours.push(await ours());
    times.peer.push(await peer());
  }
  return times;
}

/** The ratio of each round by itself, and how far they lie apart. */
export function ratios(of: readonly number[], to: readonly number[]): Figures {
  const { median, low, high } = spread(of.map((value, i) => value / (to[i] ?? Number.NaN)));
  return { ratio: rounded(median), ratio_low: rounded(low), ratio_high: rounded(high) };
}

export function perSecond(count: number, ms: number): number {
  return Math.round(count / (ms / 1000));
}

export function rounded(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
