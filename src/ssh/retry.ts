import { AppError } from '../base/errors.ts';

// Only what came to nothing before anybody had logged in: sshd drops at random above MaxStartups. Nothing listening, no
// route and no such name stay so; failed logins are counted against our address.
const DROPPED = new Set(['ssh/dropped', 'ssh/penalized', 'ssh/jump-lost']);
const TRIES = 6;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

/** Whether a connection that ended with this error is worth another try after so many. */
export function again(error: unknown, tries: number): boolean {
  return error instanceof AppError && DROPPED.has(error.code) && tries < TRIES;
}

/**
 * How long to wait before the next try, milliseconds: growing, and anything from nothing to all of it, so that those who
 * were dropped together do not come back together ("full jitter").
 * @param random from 0 up to 1
 */
export function pauseBefore(tries: number, random: number): number {
  return random * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
}
