import { resolve } from 'node:path';
import type { pino as pinoType } from 'pino';
import { usageError } from '../base/errors.ts';
import type { HostOutcome } from '../host/outcome.ts';
import type { Io } from './io.ts';

/** What a run did, step by step, for whoever asks later. Never holds a secret: steps and outcomes have none. */
export interface RunLog {
  step(host: string, step: string): void;
  outcome(outcome: HostOutcome): void;
  close(): void;
}

/** JSON lines appended to a file (mode 0600 when it is made), one a step and one an outcome; nothing without a file. */
export async function openRunLog(io: Pick<Io, 'cwd' | 'clock' | 'note'>, file: string | undefined, command: string): Promise<RunLog> {
  if (file === undefined) return { step: () => undefined, outcome: () => undefined, close: () => undefined };
  const { pino } = await import('pino');
  // synchronous: a line that explains a crash must be there after it
  const destination = openDestination(pino, resolve(io.cwd, file), file);
  // a full disk must not stop a run that has hosts in its hands
  let broken = false;
  const giveUp = (error: unknown): void => {
    if (!broken) io.note(`the log ${file} cannot be written any more: ${String(error)}`);
    broken = true;
  };
  const write = (line: () => void): void => {
    if (broken) return;
    try {
      line();
    } catch (error) {
      giveUp(error);
    }
  };
  destination.on('error', giveUp);
  const log = pino({ base: { command, pid: process.pid }, timestamp: () => `,"time":"${new Date(io.clock.nowMs()).toISOString()}"` }, destination);
  return {
    step: (host, step) => write(() => log.info({ host, step }, step)),
    outcome: ({ hostId, kind, code, summary, milliseconds, serials }) => write(() => log[kind === 'changed' || kind === 'unchanged' ? 'info' : 'error']({ host: hostId, outcome: kind, code, milliseconds, serials }, summary)),
    close: () => write(() => destination.end()),
  };
}

function openDestination({ destination }: typeof pinoType, path: string, file: string): ReturnType<typeof destination> {
  try {
    return destination({ dest: path, sync: true, append: true, mode: 0o600 });
  } catch (cause) {
    throw usageError('apply/log-unwritable', `cannot write the log ${file}`, { cause, at: { file }, hint: 'give --log a file in a folder that exists' });
  }
}
