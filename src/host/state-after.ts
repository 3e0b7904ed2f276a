import type { Clock } from '../base/clock.ts';
import { nowSeconds } from '../base/clock.ts';
import { fingerprint } from '../wire/public-key.ts';
import { PATHS, principalsPath } from '../sshd/drop-in.ts';
import type { HostTask } from './look.ts';
import type { HostPlan } from './plan-types.ts';
import { sha256 } from './probe-output.ts';
import type { HostState } from './state.ts';
import type { Transaction } from './transaction.ts';

/** The record that a confirmed change leaves on the host: what was installed, for whom and by whom. */
export function stateAfter(task: HostTask, plan: HostPlan, transaction: Transaction, serials: Readonly<Record<string, string>>, clock: Clock): HostState {
  return {
    version: 1,
    transaction: transaction.id,
    host: task.host.id,
    release: task.release,
    confirmedAt: nowSeconds(clock),
    operator: task.operator,
    userAuthorities: task.userAuthorities.map(fingerprint),
    hostAuthority: fingerprint(task.hostAuthority),
    serials: { ...serials },
    files: installedFiles(task, plan, transaction),
  };
}

// what was there and stays, then what this change writes; what somebody else has put into our folder is not ours
function installedFiles(task: HostTask, { facts, changes, served }: HostPlan, { certificates }: Transaction): Record<string, string> {
  const ours = new Set([PATHS.dropIn, PATHS.userAuthorities, ...[...task.principals.keys()].map(principalsPath), ...served.map(({ path }) => path)]);
  const files = new Map<string, string>();
  for (const [path, file] of facts.files) if (ours.has(path)) files.set(path, file.sha256);
  for (const change of changes) {
    const text = change.kind === 'file' ? change.after : `${certificates.get(change.path) ?? ''}\n`;
    if (!ours.has(change.path)) continue;
    if (text === undefined) files.delete(change.path);
    else files.set(change.path, sha256(text));
  }
  return Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}
