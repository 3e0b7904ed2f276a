import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { removeCgroups } from './cgroup.ts';
import { execute } from './command.ts';
import { amongMachine } from './machine.ts';
import { isAlive, killProcess, processId } from './process-id.ts';
import { LABS, allStates, isAbandoned, type LabState } from './state.ts';

/**
 * Takes a lab down to nothing, however far it got: with its keeper end all its processes and mounts, with its namespace its
 * links. Doing it twice does no harm.
 */
export async function takeDown(state: LabState): Promise<void> {
  if (state.watcher !== undefined && state.watcher.pid !== process.pid) await killProcess(state.watcher);
  if (state.keeper !== undefined) await killProcess(state.keeper);
  if (existsSync(`/run/netns/${state.namespace}`)) await execute(amongMachine(['ip', 'netns', 'delete', state.namespace]));
  rmSync(`/etc/netns/${state.namespace}`, { recursive: true, force: true });
  removeEmptyFolder('/etc/netns');
  removeCgroups(state.id);
  rmSync(state.directory, { recursive: true, force: true });
  removeEmptyFolder(LABS);
}

/** Takes down every lab whose owner is gone. Returns their ids. */
export async function sweep(): Promise<string[]> {
  removeUnborn();
  const abandoned = allStates().filter(isAbandoned);
  for (const state of abandoned) await takeDown(state);
  return abandoned.map((state) => state.id);
}

function removeUnborn(): void {
  if (!existsSync(LABS)) return;
  for (const name of readdirSync(LABS)) {
    const pid = Number(/^\.unborn-(\d+)$/.exec(name)?.[1]);
    const id = Number.isNaN(pid) ? undefined : processId(pid);
    if (!Number.isNaN(pid) && (id === undefined || !isAlive(id))) rmSync(`${LABS}/${name}`, { recursive: true, force: true });
  }
}

function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // others still use it, or it is gone
  }
}
