import { readFileSync } from 'node:fs';
import { isAlive } from './process-id.ts';
import { readState } from './state.ts';

/**
 * `ip netns exec` gives what it runs a mount namespace of its own, without control groups, and what is mounted there the machine
 * never sees. The lab tests run like that, so a lab made or ended by a test goes the way back through a process that stands among
 * the machine's own mounts: the watcher of the lab that the test runs in.
 */
function wayBack(): number | undefined {
  const id = process.env['ENSIGN_LAB'];
  const watcher = id === undefined ? undefined : readState(id)?.watcher;
  return watcher !== undefined && isAlive(watcher) ? watcher.pid : undefined;
}

/** argv that runs a program among the machine's own mounts. */
export function amongMachine(argv: readonly string[]): string[] {
  const pid = wayBack();
  return pid === undefined ? [...argv] : ['nsenter', `--target=${pid}`, '--mount', '--', ...argv];
}

/** The machine's mounts, one line each as in proc_pid_mounts(5). */
export function machineMounts(): string[] {
  return readFileSync(`/proc/${wayBack() ?? 'self'}/mounts`, 'utf8').split('\n');
}

/** The machine's path, as this process has to write it. */
export function machinePath(path: string): string {
  const pid = wayBack();
  return pid === undefined ? path : `/proc/${pid}/root${path}`;
}
