import { EXIT, type ExitCode } from '../base/errors.ts';
import type { HostOutcome } from '../host/outcome.ts';

const REFUSED = new Set(['host/locked']);

/**
 * The exit code of a run over many hosts: 4 when a host went wrong, else 130 when some were never begun, else 6 when
 * somebody else held a host, else 5 when all that is wrong is the way there.
 */
export function exitCodeOf(outcomes: readonly Pick<HostOutcome, 'kind' | 'code'>[]): ExitCode {
  const bad = outcomes.filter(({ kind }) => kind === 'failed' || kind === 'rolled-back' || kind === 'unknown');
  if (!bad.every(({ code }) => code !== undefined && REFUSED.has(code))) return EXIT.hostsFailed;
  if (outcomes.some(({ kind }) => kind === 'skipped')) return EXIT.interrupted;
  if (bad.length > 0) return EXIT.refused;
  return outcomes.some(({ kind }) => kind === 'unreachable') ? EXIT.unreachable : EXIT.good;
}
