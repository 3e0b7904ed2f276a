import { AppError } from '../../src/base/errors.ts';
import { complaint, type Target } from './target.ts';

/** Something that must not happen, and the input that made it happen. */
export interface Finding {
  readonly target: string;
  /** Number of the input, or the name of its file in the corpus. */
  readonly input: number | string;
  readonly what: string;
}

export type Outcome = { readonly word: string } | { readonly broken: string };

/** Feeds one input. A word is `accepted`, or what else the target says of it, or the code of its error. */
export async function outcomeOf(target: Target, input: Uint8Array): Promise<Outcome> {
  try {
    const word = target.run(input);
    return { word: typeof word === 'string' ? word : await word };
  } catch (error) {
    const broken = complaint(target, error);
    if (broken !== undefined) return { broken };
    return { word: error instanceof AppError ? error.code : 'unknown' };
  }
}
