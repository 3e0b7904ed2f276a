import { Command } from 'commander';
import { formatDuration } from '../base/duration.ts';
import { EXIT, type ExitCode } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { HostStatus, StatusVerdict } from '../host/status.ts';
import { addFleetFlags, type FleetFlags } from './fleet-flags.ts';
import { paint, type Io, type Tone } from './io.ts';
import { finish } from './run.ts';
import { table } from './table.ts';

const TONE: Readonly<Record<StatusVerdict, Tone>> = { good: 'good', due: 'warn', drift: 'warn', bad: 'bad', plain: 'warn', unreachable: 'bad' };

/** `ensign status`: what every host really serves, how long it lasts, and what is not as it was installed. */
export function statusCommand(io: Io): Command {
  return addFleetFlags(new Command('status').description('the certificate that every host serves, its days left, and drift')).action((flags: FleetFlags) =>
    finish(io, flags.json === true, () => run(io, flags)),
  );
}

async function run(io: Io, flags: FleetFlags): Promise<ExitCode> {
  const { openFleet } = await import('./fleet.ts');
  const { statusOf } = await import('../host/status.ts');
  const { runHosts } = await import('../rollout/run.ts');
  const { startProgress } = await import('./progress.ts');
  const fleet = await openFleet(io, flags, 'look');
  const progress = await startProgress(io, 'looking', fleet.hosts.length, flags.json === true);
  try {
    const statuses = await runHosts(
      fleet.hosts,
      { concurrency: flags.concurrency, groupConcurrency: fleet.inventory.concurrency, signal: io.interrupted },
      async (host) => {
        const status = await statusOf(fleet.taskFor(host), fleet.portsFor(host, (step) => progress.step(host.name, step)));
        progress.done(host.name, status.verdict);
        return status;
      },
      (host): HostStatus => ({ hostId: host.id, name: host.name, verdict: 'unreachable', served: undefined, findings: ['interrupted before its turn'], state: undefined }),
    );
    await progress.stop();
    if (flags.json === true) io.out(JSON.stringify({ environment: fleet.inventory.environment, release: fleet.release, hosts: statuses }, null, 2));
    else for (const line of render(io, statuses)) io.out(line);
    return io.interrupted.aborted ? EXIT.interrupted : exitCode(statuses);
  } finally {
    await progress.stop();
    await fleet.close();
  }
}

function render(io: Io, statuses: readonly HostStatus[]): string[] {
  const rows = statuses.map(({ name, verdict, served }) => [
    name,
    paint(io, TONE[verdict], verdict),
    served === undefined ? '-' : left(served.secondsLeft),
    served === undefined ? '-' : `${served.authority.slice(0, 19)}…`,
    served === undefined ? '-' : served.serial,
    served === undefined ? '-' : printable(served.principals.join(',')),
  ]);
  const findings = statuses.flatMap(({ name, findings: lines }) => lines.map((line) => `${name}: ${printable(line)}`));
  return [...table(io, ['HOST', 'STATUS', 'LEFT', 'AUTHORITY', 'SERIAL', 'NAMES'], rows), ...(findings.length === 0 ? [] : ['', ...findings])];
}

// days are what an operator plans in; below two of them hours matter
function left(seconds: number): string {
  if (seconds <= 0) return 'expired';
  return seconds >= 172_800 ? `${Math.floor(seconds / 86_400)}d` : formatDuration(Math.floor(seconds / 60) * 60);
}

function exitCode(statuses: readonly HostStatus[]): ExitCode {
  const has = (...wanted: StatusVerdict[]): boolean => statuses.some(({ verdict }) => wanted.includes(verdict));
  if (has('bad')) return EXIT.hostsFailed;
  if (has('unreachable')) return EXIT.unreachable;
  return has('due', 'drift', 'plain') ? EXIT.pending : EXIT.good;
}
