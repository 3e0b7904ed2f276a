import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../base/duration.ts';
import { AppError, EXIT, usageError, type ExitCode } from '../base/errors.ts';
import { plural, printable } from '../base/text.ts';
import type { HostOutcome } from '../host/outcome.ts';
import type { PlannedHost } from '../rollout/plan-fleet.ts';
import type { Fleet } from './fleet.ts';
import { addFleetFlags, type FleetFlags } from './fleet-flags.ts';
import type { Io } from './io.ts';
import { planSummary } from './plan.ts';
import { finish } from './run.ts';

interface ApplyFlags extends FleetFlags {
  readonly yes?: boolean;
  readonly undoAfter: number;
  readonly log?: string;
}

/** `ensign apply`: plan, confirm, go. Every host is proved from outside, or comes back to what it was. */
export function applyCommand(io: Io): Command {
  return addFleetFlags(new Command('apply').description('bring hosts under the authority: each is proved from outside or undone'))
    .option('-y, --yes', 'do not ask')
    .addOption(new Option('--undo-after <duration>', 'a host undoes by itself what was not confirmed within this time (5s to 10m)').argParser(watchdogTime).default(60, '60s'))
    .option('--log <file>', 'append every step as a JSON line to this file')
    .action((flags: ApplyFlags) => finish(io, flags.json === true, () => run(io, flags)));
}

async function run(io: Io, flags: ApplyFlags): Promise<ExitCode> {
  if (flags.yes !== true && !io.interactive) {
    throw usageError('apply/not-confirmed', 'there is no terminal to confirm on', { hint: 'look at `ensign plan`, then run apply with --yes' });
  }
  const { openFleet } = await import('./fleet.ts');
  const { exitCodeOf } = await import('../rollout/exit-code.ts');
  const { outcomeJson, renderOutcomes } = await import('./render-outcome.ts');
  const fleet = await openFleet(io, flags, 'change');
  try {
    const agreed = flags.yes === true ? undefined : await askForConsent(io, flags, fleet);
    if (agreed === 'no') {
      io.note('nothing was changed');
      return EXIT.refused;
    }
    const outcomes = await applyFleet(io, flags, fleet, agreed);
    if (flags.json === true) io.out(JSON.stringify({ environment: fleet.inventory.environment, release: fleet.release, hosts: outcomes.map(outcomeJson) }, null, 2));
    else for (const line of renderOutcomes(io, outcomes)) io.out(line);
    return exitCodeOf(outcomes);
  } finally {
    await fleet.close();
  }
}

// the plan that was agreed to goes along: a host that would get another one by then is left alone
async function askForConsent(io: Io, flags: ApplyFlags, fleet: Fleet): Promise<ReadonlyMap<string, PlannedHost> | 'no'> {
  const { planFleet } = await import('./plan-hosts.ts');
  const { planStatus, renderPlan } = await import('./render-plan.ts');
  const { confirm } = await import('@inquirer/prompts');
  const planned = await planFleet(io, flags, fleet);
  const statuses = planned.map(planStatus);
  for (const one of planned) if (planStatus(one) !== 'unchanged') for (const line of [...renderPlan(io, one), '']) io.note(line);
  io.note(planSummary(statuses));
  const pending = statuses.filter((status) => status === 'change').length;
  const yes = pending === 0 || await confirm({ message: `Change ${plural(pending, 'host')} of ${fleet.inventory.environment}?`, default: false }, { output: process.stderr, signal: io.interrupted });
  return yes ? new Map(planned.map((one) => [one.host.id, one])) : 'no';
}

async function applyFleet(io: Io, flags: ApplyFlags, fleet: Fleet, agreed: ReadonlyMap<string, PlannedHost> | undefined): Promise<HostOutcome[]> {
  const { applyHost } = await import('../host/apply.ts');
  const { planDigest } = await import('../host/plan.ts');
  const { ended, failure, settledByPlan } = await import('../host/outcome.ts');
  const { runHosts } = await import('../rollout/run.ts');
  const { startProgress } = await import('./progress.ts');
  const { openRunLog } = await import('./run-log.ts');
  const log = await openRunLog(io, flags.log, 'apply');
  const progress = await startProgress(io, 'applying', fleet.hosts.length, flags.json === true);
  try {
    return await runHosts(
      fleet.hosts,
      { concurrency: flags.concurrency, groupConcurrency: fleet.inventory.concurrency, signal: io.interrupted },
      async (host) => {
        const shown = agreed?.get(host.id);
        const task = fleet.taskFor(host);
        // only what was shown as a change was agreed to
        const settled = shown === undefined ? undefined : shown.kind === 'planned' ? settledByPlan(shown.plan) : failure(shown.error);
        const outcome =
          settled !== undefined
            ? ended(task, io.clock.nowMs(), io.clock, settled)
            : await applyHost(task, fleet.portsFor(host, (step) => { progress.step(host.name, step); log.step(host.id, step); }), { undoAfter: flags.undoAfter, agreed: shown?.kind === 'planned' ? planDigest(shown.plan) : undefined });
        log.outcome(outcome);
        progress.done(host.name, printable(`${outcome.kind}: ${outcome.summary}`));
        return outcome;
      },
      (host) => ended({ host }, io.clock.nowMs(), io.clock, { ...failure(new AppError('host/skipped', 'interrupted before its turn; nothing was done')), kind: 'skipped' }),
    );
  } finally {
    await progress.stop();
    log.close();
  }
}

function watchdogTime(text: string): number {
  const seconds = durationOf(text);
  if (seconds === undefined || seconds < 5 || seconds > 600) throw new InvalidArgumentError('expected a duration from 5s to 10m');
  return seconds;
}

function durationOf(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
