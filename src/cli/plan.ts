import { Command } from 'commander';
import { EXIT, type ExitCode } from '../base/errors.ts';
import { plural } from '../base/text.ts';
import { addFleetFlags, type FleetFlags } from './fleet-flags.ts';
import type { Io } from './io.ts';
import type { PlannedHost } from '../rollout/plan-fleet.ts';
import { finish } from './run.ts';

interface PlanFlags extends FleetFlags {
  readonly exitCode?: boolean;
}

/** `ensign plan`: what `apply` would do, byte for byte; changes nothing. */
export function planCommand(io: Io): Command {
  return addFleetFlags(new Command('plan').description('show what apply would do on every host; changes nothing'))
    .option('--exit-code', 'exit with 3 when changes are pending')
    .action((flags: PlanFlags) => finish(io, flags.json === true, () => run(io, flags)));
}

async function run(io: Io, flags: PlanFlags): Promise<ExitCode> {
  const { openFleet } = await import('./fleet.ts');
  const { planFleet } = await import('./plan-hosts.ts');
  const { planJson, planStatus, renderPlan } = await import('./render-plan.ts');
  const fleet = await openFleet(io, flags, 'look');
  try {
    const planned = await planFleet(io, flags, fleet);
    if (flags.json === true) {
      io.out(JSON.stringify({ environment: fleet.inventory.environment, release: fleet.release, hosts: planned.map(planJson) }, null, 2));
    } else {
      for (const one of planned) for (const line of [...renderPlan(io, one), '']) io.out(line);
      io.out(planSummary(planned.map(planStatus)));
    }
    // hosts that were never looked at stand there as failed; what the run was is interrupted
    if (io.interrupted.aborted) return EXIT.interrupted;
    return planExitCode(planned, flags.exitCode === true, planStatus);
  } finally {
    await fleet.close();
  }
}

/** `3 hosts: 2 change, 1 unchanged`. */
export function planSummary(statuses: readonly string[]): string {
  const counts = ['change', 'unchanged', 'refused', 'unreachable', 'failed'].map((status) => [status, statuses.filter((s) => s === status).length] as const);
  return `${plural(statuses.length, 'host')}: ${counts.filter(([, n]) => n > 0).map(([status, n]) => `${n} ${status}`).join(', ')}`;
}

function planExitCode(planned: readonly PlannedHost[], pendingMatters: boolean, statusOf: (one: PlannedHost) => string): ExitCode {
  const statuses = planned.map(statusOf);
  if (statuses.some((s) => s === 'refused' || s === 'failed')) return EXIT.hostsFailed;
  if (statuses.includes('unreachable')) return EXIT.unreachable;
  return pendingMatters && statuses.includes('change') ? EXIT.pending : EXIT.good;
}
