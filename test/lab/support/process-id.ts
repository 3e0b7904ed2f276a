import { readFileSync } from 'node:fs';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks between the machine's boot and the start of the process (field 22 of /proc/PID/stat). */
  readonly startedAt: string;
}

/** Undefined when there is no such process, or only its remains (a zombie). */
export function processId(pid: number): ProcessId | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // the name in parentheses may itself hold spaces and parentheses
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startedAt = fields[19];
  return startedAt === undefined || fields[0] === 'Z' ? undefined : { pid, startedAt };
}

export function isAlive(id: ProcessId): boolean {
  return processId(id.pid)?.startedAt === id.startedAt;
}

/** SIGKILL to exactly this process, and waits until it is gone. */
export async function killProcess(id: ProcessId): Promise<void> {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, 'SIGKILL');
  } catch {
    return;
  }
  await until(() => !isAlive(id), 30_000, `process ${id.pid} to end`);
}

/** Processes directly below this one. */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((p) => p !== '').map(Number);
  } catch {
    return [];
  }
}

/** The kernel tells nobody about other people's processes, links or boots, so these are looked at every 20 ms. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs: number, what: string): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
