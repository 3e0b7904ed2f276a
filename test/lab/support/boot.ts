import { readFileSync } from 'node:fs';
import { inOwnCgroup } from './cgroup.ts';
import { execute } from './command.ts';
import type { Image } from './images.ts';
import { BRIDGE, amongKeeper, inNetwork, startDetached } from './namespace.ts';
import { childrenOf, isAlive, killProcess, processId, until, type ProcessId } from './process-id.ts';
import { readJson, writeJson, type LabState } from './state.ts';

/** A host as it is on disk: the same before and after a reboot, and for every process that uses the lab. */
export interface HostState {
  /** `h1`, `h2`, ...: the name of its folder, its machine and its link (`vb-h1`). */
  readonly slot: string;
  readonly name: string;
  readonly address: string;
  readonly image: Image;
}

/** A lab that has its keeper, that is, one in which something can run. */
export type RunningLab = LabState & { readonly keeper: ProcessId };

/** Boots the host's disk, new or used, and returns when its boot is over and its sshd greets. */
export async function bootHost(lab: RunningLab, host: HostState): Promise<void> {
  const log = consoleOf(lab, host);
  const nspawn = [
    // what the machine has itself does not matter to its guests: systemd from 256 on wants the second version of control groups
    ...(host.image === 'machine' ? [] : ['env', 'SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1']),
    'systemd-nspawn', `--directory=${diskOf(lab)}/${host.slot}/root`, '--boot', '--register=no', '--keep-unit', '--link-journal=no',
    '--console=pipe', '--settings=no', '--resolv-conf=off', '--timezone=off', `--network-bridge=${BRIDGE}`, `--machine=${host.slot}`,
    `--hostname=${host.name}`,
  ];
  // 133 is nspawn's word for a guest that rebooted itself
  const loop = ['sh', '-c', 'while :; do "$@"; code=$?; [ "$code" = 133 ] || exit "$code"; done', 'sh', ...nspawn];
  const outer = processId(startDetached(inOwnCgroup(lab.id, host.slot, amongKeeper(lab.keeper, loop)), log));
  if (outer === undefined) throw new Error(`${host.name} did not start: ${tail(log)}`);
  writeJson(`${lab.directory}/hosts/${host.slot}/process.json`, outer);
  try {
    await waitForBoot(lab, host, outer);
    await waitForGreeting(lab, host);
  } catch (error) {
    throw new Error(`${host.name} did not come up: ${error instanceof Error ? error.message : String(error)}\n${tail(log)}`, { cause: error });
  }
}

/** Kills the host as a power cut does. Its disk stays. */
export async function stopHost(lab: RunningLab, host: HostState): Promise<void> {
  const outer = outerProcess(lab, host);
  if (outer === undefined || !isAlive(outer)) return;
  // nspawn removes the link when its guest has ended; killed itself, it would leave guest and link behind
  await until(
    async () => {
      const guest = guestProcess(outer);
      if (guest !== undefined) await killProcess(guest);
      return !isAlive(outer);
    },
    30_000,
    `nspawn of ${host.name} to end`,
  );
}

/** PID 1 of the host, seen from the machine; undefined while the host is down. */
export function guestOf(lab: LabState, host: HostState): ProcessId | undefined {
  const outer = outerProcess(lab, host);
  return outer === undefined || !isAlive(outer) ? undefined : guestProcess(outer);
}

/** argv that runs a program inside the host as root, whatever its sshd and its network do. */
export function insideGuest(guest: ProcessId, argv: readonly string[]): string[] {
  // nsenter's own fork would stop itself, and the host's shutdown with it, when systemd-shutdown stops every process of the host
  const fork = ['--no-fork', '--', 'sh', '-c', '"$@"; exit "$?"', 'sh'];
  return ['nsenter', `--target=${guest.pid}`, '--mount', '--uts', '--ipc', '--net', '--pid', ...fork, ...argv];
}

/** Where the disks of a lab are mounted, for its keeper only. */
export function diskOf(lab: LabState): string {
  return `${lab.directory}/disk`;
}

/** What hosts of one image have in common: the layer over its tree that `base-system.sh` makes. */
export function baseOf(lab: LabState, image: Image): string {
  return `${diskOf(lab)}/base/${image}`;
}

function consoleOf(lab: LabState, host: HostState): string {
  return `${lab.directory}/hosts/${host.slot}/console.log`;
}

function outerProcess(lab: LabState, host: HostState): ProcessId | undefined {
  return readJson<ProcessId>(`${lab.directory}/hosts/${host.slot}/process.json`);
}

/** nsenter -> sh -> systemd-nspawn -> the guest's PID 1: number 1 in a process namespace that its parent is not in. */
function guestProcess(top: ProcessId): ProcessId | undefined {
  const depth = namespacePids(top.pid).length;
  for (let generation = childrenOf(top.pid); generation.length > 0; generation = generation.flatMap(childrenOf)) {
    // the keeper's namespace is one deeper than ours, the guest's two
    const guest = generation.find((pid) => namespacePids(pid).length === depth + 2 && namespacePids(pid).at(-1) === '1');
    if (guest !== undefined) return processId(guest);
  }
  return undefined;
}

function namespacePids(pid: number): string[] {
  try {
    return /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
  } catch {
    return [];
  }
}

/** `--wait` returns at the event; before systemd listens it can only be tried again. */
async function waitForBoot(lab: LabState, host: HostState, outer: ProcessId): Promise<void> {
  // without units there is nothing to ask: the greeting of its sshd has to do
  if (host.image === 'sysvinit') return;
  let answer = '';
  await until(
    async () => {
      if (!isAlive(outer)) throw new Error('its machine ended during the boot');
      const guest = guestProcess(outer);
      if (guest === undefined) return false;
      const result = await execute(insideGuest(guest, ['systemctl', 'is-system-running', '--wait']), { timeoutMs: 60_000 });
      answer = result.stdout.trim();
      return answer === 'running' || answer === 'degraded';
    },
    60_000,
    `the boot of ${host.name}`,
  );
  if (answer === 'running') return;
  const guest = guestOf(lab, host);
  if (guest === undefined) throw new Error('its machine ended');
  const failed = await execute(insideGuest(guest, ['systemctl', 'list-units', '--failed', '--plain', '--no-legend', '--no-pager']));
  writeJson(`${lab.directory}/hosts/${host.slot}/failed-units.json`, failed.stdout.split('\n'));
}

/** Through the network, as the operator sees it. */
async function waitForGreeting(lab: LabState, host: HostState): Promise<void> {
  const greet = 'exec 3<>"/dev/tcp/$0/22" && IFS= read -r -t 5 line <&3 && [[ $line == SSH-* ]]';
  await until(
    async () => (await execute(inNetwork(lab.namespace, ['bash', '-c', greet, host.address]), { timeoutMs: 6_000 })).code === 0,
    20_000,
    `sshd of ${host.name}`,
  );
}

function tail(log: string): string {
  try {
    return readFileSync(log, 'utf8').split('\n').slice(-40).join('\n');
  } catch {
    return '';
  }
}

