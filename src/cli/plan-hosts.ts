import { AppError } from '../base/errors.ts';
import { planOne, refuseSharedKeys, type PlannedHost } from '../rollout/plan-fleet.ts';
import { runHosts } from '../rollout/run.ts';
import type { Fleet } from './fleet.ts';
import type { FleetFlags } from './fleet-flags.ts';
import type { Io } from './io.ts';
import { startProgress } from './progress.ts';
import { planStatus } from './render-plan.ts';

/** Plans every chosen host, several at once, and refuses those of them that share a key. */
export async function planFleet(io: Io, flags: FleetFlags, fleet: Fleet): Promise<PlannedHost[]> {
  const progress = await startProgress(io, 'planning', fleet.hosts.length, flags.json === true);
  try {
    const planned = await runHosts(
      fleet.hosts,
      { concurrency: flags.concurrency, groupConcurrency: fleet.inventory.concurrency, signal: io.interrupted },
      async (host): Promise<PlannedHost> => {
        progress.step(host.name, 'looking');
        const one = await planOne(fleet.taskFor(host), fleet.portsFor(host, (step) => progress.step(host.name, step)));
        progress.done(host.name, planStatus(one));
        return one;
      },
      (host): PlannedHost => ({ kind: 'failed', host, error: new AppError('host/skipped', 'interrupted before its turn') }),
    );
    return refuseSharedKeys(planned);
  } finally {
    await progress.stop();
  }
}
