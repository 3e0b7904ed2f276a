import type { AppError } from '../base/errors.ts';
import type { Change, HostPlan } from './plan-types.ts';
import { readState } from './state.ts';

/** What of a status is not as it should be, a line each; what two looks say alike is said once. */
export function statusFindings(scanned: AppError | undefined, served: AppError | undefined, inside: HostPlan | AppError): string[] {
  const lines = [
    ...(scanned === undefined ? [] : [['scan', scanned.message]]),
    ...(served === undefined ? [] : [['served certificate', served.message]]),
    ...('facts' in inside ? [] : [['login', inside.message]]),
  ] as const;
  const [first, second] = lines;
  const told = first !== undefined && first[1] === second?.[1] ? [first[1] ?? ''] : lines.map((line) => line.join(': '));
  return 'facts' in inside ? [...told, ...planFindings(inside)] : told;
}

function planFindings(plan: HostPlan): string[] {
  return [
    ...plan.refusals.map((r) => r.message),
    ...changeFindings(plan),
    ...plan.facts.transactions.filter((t) => t.state !== 'confirmed').map((t) => `transaction ${t.id} is ${t.state}${t.reason === undefined ? '' : ` (${t.reason})`}`),
  ];
}

function changeFindings(plan: HostPlan): string[] {
  const state = readState(plan.facts);
  if (state === undefined && plan.changes.every((change) => change.beforeSha256 === undefined)) return ['not under the authority yet: `ensign apply` brings it there'];
  // what somebody edited stands among the refusals already
  const edited = plan.refusals.some((r) => r.code === 'host/foreign-edit');
  const isToldAlready = ({ path, beforeSha256 }: Change): boolean => edited && state?.files[path] !== undefined && state.files[path] !== beforeSha256;
  return plan.changes.filter((change) => !isToldAlready(change)).map(describeChange);
}

function describeChange(change: Change): string {
  if (change.kind === 'certificate') return `${change.path}: ${change.why}`;
  if (change.beforeSha256 === undefined) return `${change.path} is missing: ${change.why}`;
  return change.after === undefined ? `${change.path} should be gone: ${change.why}` : `${change.path} is not as it should be: ${change.why}`;
}
