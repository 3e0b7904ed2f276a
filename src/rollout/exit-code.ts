import { EXIT, type ExitCode } from '../base/errors.ts';
import type { HostOutcome } from '../host/outcome.ts';

const REFUSED = new Set(['host/locked']);

/** The exit code of a run over many hosts: the worst that happened, and 5 only when all that is wrong is the way there. */
export function exitCodeOf(outcomes: readonly Pick<HostOutcome, 'kind' | 'code'>[]): ExitCode {
  const bad = outcomes.filter(({ kind }) => kind === 'failed' || kind === 'rolled-back' || kind === 'unknown');
  if (bad.length > 0) return bad.every(({ code }) => code !== undefined && REFUSED.has(code)) ? EXIT.refused : EXIT.hostsFailed;
  if (outcomes.some(({ kind }) => kind === 'unreachable')) return EXIT.unreachable;
  return outcomes.some(({ kind }) => kind === 'skipped') ? EXIT.interrupted : EXIT.good;
}
