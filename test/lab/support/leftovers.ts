import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { execute } from './command.ts';
import { amongMachine } from './machine.ts';
import { processId } from './process-id.ts';
import { LABS, readState } from './state.ts';

/** Every process of a running lab: its watcher, its keeper, and all that live below the keeper's process namespace. */
export function processesOf(id: string): number[] {
  const state = readState(id);
  if (state?.keeper === undefined || state.watcher === undefined) throw new Error(`the lab ${id} is not up`);
  const own = `/proc/self/ns/pid`;
  const outside = readlinkSync(own);
  const slots = readdirSync(`${state.directory}/hosts`).map((slot) => readFileSync(`${state.directory}/hosts/${slot}/process.json`, 'utf8'));
  const outer = slots.map((text) => (JSON.parse(text) as { pid: number }).pid);
  const networks = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
  // hosts have process namespaces of their own; what all have in common is being below the keeper or below a host's nsenter
  const below = networks.filter((pid) => link(`/proc/${pid}/ns/pid`) !== outside && [...outer, state.keeper?.pid].some((top) => top !== undefined && isBelow(pid, top)));
  return [...new Set([state.watcher.pid, state.keeper.pid, ...outer, ...below])];
}

/** What is still there of a lab, one line a thing: processes (given, because their namespace may be gone), mounts, links, names, folders. */
export async function leftovers(id: string, processes: readonly number[]): Promise<string[]> {
  const machine = async (...argv: string[]): Promise<string[]> => (await execute(amongMachine(argv))).stdout.split('\n').filter((line) => line.includes(id));
  return [
    ...processes.filter((pid) => processId(pid) !== undefined).map((pid) => `process ${pid}`),
    ...(await machine('cat', '/proc/self/mounts')).map((line) => `mount ${line}`),
    ...(await machine('ip', 'netns', 'list')).map((line) => `namespace ${line}`),
    ...(await machine('find', '/sys/fs/cgroup', '-maxdepth', '3', '-type', 'd')).map((line) => `control group ${line}`),
    ...[`${LABS}/${id}`, `/etc/netns/${id}`, `/run/netns/${id}`].filter((path) => existsSync(path)).map((path) => `folder ${path}`),
  ];
}

function isBelow(pid: number, top: number): boolean {
  for (let current = pid; current > 1; current = parentOf(current)) if (current === top) return true;
  return false;
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
