import type { Duplex, PassThrough } from 'node:stream';
import { AppError, EXIT } from '../base/errors.ts';
import type { CommandResult, DialTarget } from './session.ts';

/** One connection that has logged in: what a session needs of whatever carries it. */
export interface Carrier {
  /**
   * Runs one command over one channel and waits for its end, its deadline, or too much output.
   * @throws AppError `ssh/timeout`, `ssh/output-too-large`, `ssh/exec-refused`, and what `watch` stops it with
   */
  execute(execution: Execution): Promise<CommandResult>;
  /** A connection from the host to another. @throws AppError those of forward-failure.ts */
  dial(target: DialTarget): Promise<Duplex>;
  /** Hears, at least once, that the connection is gone, whoever ended it. */
  onEnd(listener: (cause?: unknown) => void): void;
  /** Ends the connection, and is done when it is gone. Called once. */
  close(): Promise<void>;
}

/** One command line on its way to a host. */
export interface Execution {
  /** The host's name, for messages. */
  readonly host: string;
  /** Quoted already. */
  readonly command: string;
  readonly stdin: string | PassThrough;
  readonly timeoutMs: number;
  /** Hears stderr as it comes, one character a byte. */
  readonly onStderr: (text: string) => void;
  /** Is given a function that ends the waiting, whatever happens; returns the one that takes it back. */
  readonly watch: (stop: (error: AppError) => void) => () => void;
}

/** Of stdout and stderr together, bytes. */
export const MAX_OUTPUT = 16 * 1024 * 1024;
/** How long a command that was told to end may take to clean up, milliseconds. */
export const GRACE_MS = 2_000;

export function commandTimedOut({ host, timeoutMs }: Execution): AppError {
  return new AppError('ssh/timeout', `${host}: the command did not end within ${timeoutMs / 1000} s`, {
    exit: EXIT.hostsFailed,
    hint: 'it was told to stop, and may still be running there',
  });
}

export function outputTooLarge({ host }: Execution): AppError {
  return new AppError('ssh/output-too-large', `${host}: the command printed more than ${MAX_OUTPUT / 1024 / 1024} MiB`, {
    exit: EXIT.hostsFailed,
    hint: 'no command of ensign does: look at what the login prints',
  });
}

export function execRefused({ host }: Execution, cause?: unknown): AppError {
  return new AppError('ssh/exec-refused', `${host}: sshd does not run the command`, {
    cause,
    exit: EXIT.hostsFailed,
    hint: 'look at MaxSessions and at what the host says in its log about sessions',
  });
}
