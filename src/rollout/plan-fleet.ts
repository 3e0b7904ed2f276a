import type { AppError } from '../base/errors.ts';
import type { Host } from '../inventory/host.ts';
import { lookAt, type HostTask } from '../host/look.ts';
import { kindOfError, reportable } from '../host/outcome.ts';
import { hostKeyFingerprints } from '../host/plan.ts';
import type { HostPlan, Refusal } from '../host/plan-types.ts';
import type { HostPorts } from '../host/ports.ts';

/** A host's plan, or why there is none. */
export type PlannedHost =
  | { readonly kind: 'planned'; readonly host: Host; readonly plan: HostPlan }
  | { readonly kind: 'unreachable' | 'failed'; readonly host: Host; readonly error: AppError };

/** Opens a session, looks and closes. Never throws for what a host does. */
export async function planOne(task: HostTask, ports: HostPorts): Promise<PlannedHost> {
  try {
    const session = await ports.connect();
    try {
      return { kind: 'planned', host: task.host, plan: await lookAt(session, task, ports) };
    } finally {
      await session.close();
    }
  } catch (thrown) {
    const error = reportable(thrown);
    return { kind: kindOfError(error), host: task.host, error };
  }
}

/**
 * Refuses hosts of one run that show the same host key: the CA does not know them yet, so only here do they meet.
 * Linear in hosts and keys.
 */
export function refuseSharedKeys(planned: readonly PlannedHost[]): PlannedHost[] {
  const holders = new Map<string, Set<string>>();
  for (const one of planned) {
    if (one.kind !== 'planned') continue;
    for (const print of hostKeyFingerprints(one.plan)) holders.set(print, (holders.get(print) ?? new Set()).add(one.host.id));
  }
  return planned.map((one) => {
    if (one.kind !== 'planned') return one;
    const shared = hostKeyFingerprints(one.plan).flatMap((print): Refusal[] => {
      const others = [...(holders.get(print) ?? [])].filter((id) => id !== one.host.id);
      return others.length === 0 ? [] : [{ code: 'host/key-taken', message: `host key ${print} is also that of ${others.join(', ')}`, hint: 'cloned machines share keys: give each its own (rm /etc/ssh/ssh_host_*; ssh-keygen -A)' }];
    });
    return shared.length === 0 ? one : { ...one, plan: { ...one.plan, refusals: [...one.plan.refusals, ...shared] } };
  });
}
