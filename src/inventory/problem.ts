import { type AppError, type SourceLocation, usageError } from '../base/errors.ts';
import { plural, printable } from '../base/text.ts';

/** What is wrong with a piece of text, without its place: the checks do not know where the text stands. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Gathers every mistake of a file, so that a person repairs them in one go. */
export class Problems {
  readonly #found: AppError[] = [];

  add(problem: Problem, at: SourceLocation): void {
    this.#found.push(usageError(problem.code, problem.message, { hint: problem.hint, at }));
  }

  get any(): boolean {
    return this.#found.length > 0;
  }

  /** @throws the mistake itself when there is one, `inventory/invalid` with all of them in `details` when there are more */
  throwIfAny(file: string): void {
    const inOrder = this.#found.toSorted((a, b) => position(a) - position(b));
    const [first, ...others] = inOrder;
    if (first === undefined) return;
    if (others.length === 0) throw first;
    throw usageError('inventory/invalid', `${plural(inOrder.length, 'mistake')} in ${file}`, { details: inOrder });
  }
}

/** Text from a file as a message shows it: quoted, with nothing in it that could break the line or hide. */
export function quoted(text: string): string {
  const longest = 80;
  const cut = text.length > longest ? `${text.slice(0, longest)}...` : text;
  return `"${printable(cut)}"`;
}

function position(error: AppError): number {
  // files have fewer than a million columns a line
  return (error.at?.line ?? 0) * 1_000_000 + (error.at?.column ?? 0);
}
