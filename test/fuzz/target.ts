import { AppError } from '../../src/base/errors.ts';
import type { Random } from './random.ts';

/** One decoder under fire. */
export interface Target {
  readonly name: string;
  /** Its share of the inputs. Decoders that are slow by nature have a small one. */
  readonly weight: number;
  /** What the codes of its errors begin with. */
  readonly areas: readonly string[];
  /** Sound inputs, from the corpus. */
  readonly seeds: readonly Uint8Array[];
  mutate(seed: Uint8Array, random: Random): Uint8Array;
  /**
   * Feeds the decoder. Gives a word for what came of it, `accepted` in most cases, and throws the decoder's AppError; throws
   * {@link Broken} when a promise was broken. Whatever else comes out of it is a crash.
   */
  run(input: Uint8Array): string | Promise<string>;
}

/** A promise of a decoder that did not hold. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** A broken promise, or a crash, in words; undefined when the error is one that this target may throw. */
export function complaint(target: Target, error: unknown): string | undefined {
  if (error instanceof Broken) return error.message;
  if (!(error instanceof AppError)) return `crashed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  const foreign = [error, ...error.details].find((one) => !target.areas.some((area) => one.code.startsWith(area)));
  return foreign === undefined ? undefined : `threw ${foreign.code}, which is of another area: ${foreign.message}`;
}

export function assertSame(got: unknown, wanted: unknown, what: string): void {
  const same = got instanceof Uint8Array && wanted instanceof Uint8Array ? Buffer.compare(got, wanted) === 0 : got === wanted;
  if (!same) throw new Broken(`${what}: ${show(got)} is not ${show(wanted)}`);
}

export function assertTrue(holds: boolean, what: string): void {
  if (!holds) throw new Broken(what);
}

function show(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : JSON.stringify(value);
}

export function textOf(input: Uint8Array): string {
  return Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString('utf8');
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'));
}
