import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isAlive, type ProcessId } from './process-id.ts';

/** Where every lab of this machine keeps its state, its keys and its hosts' consoles; in memory on Debian, gone after a reboot. */
export const LABS = '/run/ensign-lab';

/** What a lab consists of: enough for any process to use it or to take it down. */
export interface LabState {
  readonly id: string;
  /** The process that takes the lab down at its end; a lab without owner or keeper, or with dead ones, is swept. `kept`: until `lab down`. */
  readonly owner: ProcessId | 'kept';
  readonly namespace: string;
  readonly directory: string;
  /** PID 1 of the lab's process namespace: it holds the mounts, and with it everything in the lab ends. */
  readonly keeper?: ProcessId;
  /** Takes the lab down when its owner vanishes. */
  readonly watcher?: ProcessId;
}

/** Makes the lab's folder, with its state in it from the first moment: what is half there can be swept. */
export function createState(state: LabState): void {
  const unborn = `${LABS}/.unborn-${process.pid}`;
  mkdirSync(unborn, { recursive: true, mode: 0o755 });
  writeJson(`${unborn}/lab.json`, state);
  renameSync(unborn, state.directory);
}

export function writeState(state: LabState): void {
  writeJson(`${state.directory}/lab.json`, state);
}

export function readState(id: string): LabState | undefined {
  return readJson<LabState>(`${LABS}/${id}/lab.json`);
}

/** Every lab on this machine. */
export function allStates(): LabState[] {
  let names: string[];
  try {
    names = readdirSync(LABS);
  } catch {
    return [];
  }
  return names.filter((id) => !id.startsWith('.')).map((id) => readState(id)).filter((state) => state !== undefined);
}

export function isAbandoned(state: LabState): boolean {
  if (state.owner === 'kept') return state.keeper === undefined || !isAlive(state.keeper);
  return !isAlive(state.owner);
}

/** Readers see the old or the new file, never half of one. */
export function writeJson(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names the shape that it wrote itself
export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
