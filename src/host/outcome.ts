import type { Clock } from '../base/clock.ts';
import type { AppError } from '../base/errors.ts';
import type { HostPlan } from './plan-types.ts';

/** What became of one host. `unknown` is a host that was lost in the middle of a change: the next run looks, nobody guesses. */
export type OutcomeKind = 'unchanged' | 'changed' | 'rolled-back' | 'failed' | 'unreachable' | 'skipped' | 'unknown';

export interface HostOutcome {
  /** `environment/name` */
  readonly hostId: string;
  readonly name: string;
  readonly kind: OutcomeKind;
  /** One line: what happened, or why. */
  readonly summary: string;
  /** Stable code of what went wrong; undefined for unchanged and changed. */
  readonly code: string | undefined;
  readonly hint: string | undefined;
  readonly plan: HostPlan | undefined;
  /** certificate path -> serial, for what is on the host now */
  readonly serials: Readonly<Record<string, string>>;
  readonly milliseconds: number;
}

const UNREACHABLE = new Set(['ssh/unreachable', 'ssh/refused', 'ssh/timeout', 'ssh/lost', 'ssh/protocol']);

/** Whether an error before any change means that the host could not be reached, or that something there is wrong. */
export function kindOfError(error: AppError): 'unreachable' | 'failed' {
  return UNREACHABLE.has(error.code) ? 'unreachable' : 'failed';
}

/** An error before or outside of a change, as the end of a host's run. */
export function failure(error: AppError): Omit<HostOutcome, 'hostId' | 'name' | 'milliseconds'> {
  return { kind: kindOfError(error), summary: error.message, code: error.code, hint: error.hint, plan: undefined, serials: {} };
}

/** Completes an outcome with whose it is and how long it took. */
export function ended(task: { readonly host: { readonly id: string; readonly name: string } }, startedAt: number, clock: Clock, ending: Omit<HostOutcome, 'hostId' | 'name' | 'milliseconds'>): HostOutcome {
  return { hostId: task.host.id, name: task.host.name, milliseconds: clock.nowMs() - startedAt, ...ending };
}
