import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { plural } from '../base/text.ts';
import { isAbandoned } from './facts.ts';
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

const UNREACHABLE = new Set(['ssh/unreachable', 'ssh/refused', 'ssh/timeout', 'ssh/lost', 'ssh/protocol', 'ssh/dropped', 'ssh/penalized', 'ssh/forward-refused', 'ssh/jump-lost']);

/** Whether an error before any change means that the host could not be reached, or that something there is wrong. */
export function kindOfError(error: AppError): 'unreachable' | 'failed' {
  return UNREACHABLE.has(error.code) ? 'unreachable' : 'failed';
}

/** Any error as one that a host's report can carry. What ensign did not foresee on one host must not silence the reports of others. */
export function reportable(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('host/unexpected', `unexpected: ${String(error)}`, { cause: error, hint: 'this is a bug in ensign; please report it with what the host is' });
}

/** An error before or outside of a change, as the end of a host's run. */
export function failure(error: AppError): Omit<HostOutcome, 'hostId' | 'name' | 'milliseconds'> {
  return { kind: kindOfError(error), summary: error.message, code: error.code, hint: error.hint, plan: undefined, serials: {} };
}

/** How a host ends whose plan has refusals, or nothing to do; undefined for a plan that changes it. */
export function settledByPlan(plan: HostPlan): Omit<HostOutcome, 'hostId' | 'name' | 'milliseconds'> | undefined {
  // what such a plan says of the half that it found counts for nothing
  if (plan.facts.transactions.some((t) => isAbandoned(t, plan.facts.clock))) return undefined;
  const [refusal, ...others] = plan.refusals;
  if (refusal !== undefined) {
    const more = others.length > 0 ? ` (and ${plural(others.length, 'more reason')}: see plan)` : '';
    return { kind: 'failed', summary: `refused, nothing changed: ${refusal.message}${more}`, code: refusal.code, hint: refusal.hint, plan, serials: {} };
  }
  return plan.changes.length > 0 ? undefined : { kind: 'unchanged', summary: 'already as it should be', code: undefined, hint: undefined, plan, serials: {} };
}

/** Completes an outcome with whose it is and how long it took. */
export function ended(task: { readonly host: { readonly id: string; readonly name: string } }, startedAt: number, clock: Clock, ending: Omit<HostOutcome, 'hostId' | 'name' | 'milliseconds'>): HostOutcome {
  return { hostId: task.host.id, name: task.host.name, milliseconds: clock.nowMs() - startedAt, ...ending };
}
