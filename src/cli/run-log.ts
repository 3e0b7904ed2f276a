import { resolve } from 'node:path';
import type { HostOutcome } from '../host/outcome.ts';
import type { Io } from './io.ts';

/** What a run did, step by step, for whoever asks later. Never holds a secret: steps and outcomes have none. */
export interface RunLog {
  step(host: string, step: string): void;
  outcome(outcome: HostOutcome): void;
  close(): void;
}

/** JSON lines appended to a file (mode 0600 when it is made), one a step and one an outcome; nothing without a file. */
export async function openRunLog(io: Pick<Io, 'cwd' | 'clock'>, file: string | undefined, command: string): Promise<RunLog> {
  if (file === undefined) return { step: () => undefined, outcome: () => undefined, close: () => undefined };
  const { pino } = await import('pino');
  // synchronous: a line that explains a crash must be there after it
  const destination = pino.destination({ dest: resolve(io.cwd, file), sync: true, append: true, mode: 0o600 });
  const log = pino({ base: { command, pid: process.pid }, timestamp: () => `,"time":"${new Date(io.clock.nowMs()).toISOString()}"` }, destination);
  return {
    step: (host, step) => log.info({ host, step }, step),
    outcome: ({ hostId, kind, code, summary, milliseconds, serials }) => log[kind === 'changed' || kind === 'unchanged' ? 'info' : 'error']({ host: hostId, outcome: kind, code, milliseconds, serials }, summary),
    close: () => destination.end(),
  };
}
