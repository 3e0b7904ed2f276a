import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { machineMounts, machinePath } from './machine.ts';

/** True where the machine's own PID 1 is systemd: then it hands out control groups, and nobody makes them behind its back. */
export function machineRunsSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

/**
 * argv that runs a program in a control group of its own. Without one, two hosts' systemds would share the group that nspawn
 * makes, and stop each other's services.
 */
export function inOwnCgroup(lab: string, host: string, argv: readonly string[]): string[] {
  if (machineRunsSystemd()) {
    return ['systemd-run', '--scope', '--collect', '--quiet', `--unit=${lab}-${host}-${process.pid}-${Date.now()}`, '--property=Delegate=yes', '--', ...argv];
  }
  const folders = cgroupMounts().map((mount) => `${mount}/${lab}/${host}`);
  if (folders.length === 0) throw new Error('no control groups are mounted: systemd cannot boot without');
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  // a process that writes 0 moves itself; what it becomes then starts there
  return ['/bin/sh', '-c', 'while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs"; shift; done; shift; exec "$@"', 'sh', ...folders, '--', ...argv];
}

/** Removes the groups of a lab; its processes have ended. */
export function removeCgroups(lab: string): void {
  if (machineRunsSystemd()) return;
  for (const mount of cgroupMounts()) removeTree(`${mount}/${lab}`);
}

/** The hierarchies in which systemd keeps its groups: its own of version 1, and version 2. */
function cgroupMounts(): string[] {
  return machineMounts()
    .map((line) => line.split(' '))
    .filter(([, , type, options]) => type === 'cgroup2' || (type === 'cgroup' && (options ?? '').split(',').includes('name=systemd')))
    .map(([, path]) => machinePath(path ?? ''));
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(`${folder}/${entry.name}`);
  }
  rmdirSync(folder);
}
