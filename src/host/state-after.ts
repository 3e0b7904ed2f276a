import type { Clock } from '../base/clock.ts';
import { nowSeconds } from '../base/clock.ts';
import { fingerprint } from '../wire/public-key.ts';
import { PATHS } from '../sshd/drop-in.ts';
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
    files: installedFiles(plan, transaction),
  };
}

// what was there and stays, then what this change writes; only files below ensign's own paths are its own
function installedFiles({ facts, changes }: HostPlan, { certificates }: Transaction): Record<string, string> {
  const files = new Map<string, string>();
  for (const [path, file] of facts.files) if (isManaged(path)) files.set(path, file.sha256);
  for (const change of changes) {
    const text = change.kind === 'file' ? change.after : `${certificates.get(change.path) ?? ''}\n`;
    if (!isManaged(change.path)) continue;
    if (text === undefined) files.delete(change.path);
    else files.set(change.path, sha256(text));
  }
  return Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isManaged(path: string): boolean {
  return path === PATHS.dropIn || path.startsWith(`${PATHS.directory}/`);
}
