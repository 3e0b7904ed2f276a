import { AppError } from '../../src/base/errors.ts';

/** The code of the AppError that the action throws; undefined if it throws nothing. Any other error comes through. */
export function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}
