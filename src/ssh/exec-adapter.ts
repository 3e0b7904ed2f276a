import type { PassThrough } from 'node:stream';
import type { NodeSSH } from 'node-ssh';
import type { Client, ClientChannel } from 'ssh2';
import { AppError, EXIT } from '../base/errors.ts';
import { terminate } from './certificate-login.ts';
import type { CommandResult } from './session.ts';

const MAX_OUTPUT = 16 * 1024 * 1024;
const GRACE_MS = 2_000;

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

/**
 * Runs one command over one channel and waits for its end, its deadline, or too much output.
 * @throws AppError `ssh/timeout`, `ssh/output-too-large`, `ssh/exec-refused`, and what `watch` stops it with
 */
export function execute(ssh: NodeSSH, client: Client, execution: Execution): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    let over = false;
    let bytes = 0;
    let channel: ClientChannel | undefined;
    let reason: AppError | undefined;
    const settle = (): void => {
      over = true;
      clearTimeout(timer);
      release();
    };
    const stop = (error: AppError): void => {
      if (over) return;
      settle();
      reason = error;
      if (channel !== undefined) abandon(client, channel, error);
      reject(error);
    };
    const timer = setTimeout(() => stop(timedOut(execution)), execution.timeoutMs);
    const release = execution.watch(stop);
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MAX_OUTPUT) stop(tooLarge(execution));
    };
    const options = {
      stdin: execution.stdin,
      // node-ssh decodes every chunk by itself, which would break characters that two chunks share
      encoding: 'latin1' as const,
      noTrim: true,
      onChannel: (opened: ClientChannel): void => {
        channel = opened;
        opened.on('error', () => undefined);
        if (reason !== undefined) abandon(client, opened, reason);
      },
      onStdout: count,
      onStderr: (chunk: Buffer): void => {
        count(chunk);
        if (!over) execution.onStderr(chunk.toString('latin1'));
      },
    };
    ssh.execCommand(execution.command, options).then(
      ({ code, signal, stdout, stderr }) => {
        if (over) return;
        settle();
        resolve({ code: code ?? undefined, signal: signal?.replace(/^SIG/, ''), stdout: decode(stdout), stderr: decode(stderr) });
      },
      (cause: unknown) => stop(refused(execution, cause)),
    );
  });
}

/**
 * Nobody waits for this channel any more: ask the command to end, and stop reading what it says. The channel stays open
 * for a while, because a command that cleans up and says so would be killed by a closed stderr.
 */
function abandon(client: Client, channel: ClientChannel, reason: AppError): void {
  channel.removeAllListeners('data');
  channel.stderr.removeAllListeners('data');
  // with the connection everything has ended already
  if (reason.code === 'ssh/lost') return;
  terminate(client, channel);
  const close = (): void => {
    client.off('close', forget);
    channel.pause();
    channel.stderr.pause();
    channel.close();
  };
  const timer = setTimeout(close, reason.code === 'ssh/timeout' ? GRACE_MS : 0).unref();
  const forget = (): void => clearTimeout(timer);
  client.once('close', forget);
  channel.resume();
  channel.stderr.resume();
}

function decode(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}

function timedOut({ host, timeoutMs }: Execution): AppError {
  return new AppError('ssh/timeout', `${host}: the command did not end within ${timeoutMs / 1000} s`, {
    exit: EXIT.hostsFailed,
    hint: 'it was told to stop, and may still be running there',
  });
}

function tooLarge({ host }: Execution): AppError {
  return new AppError('ssh/output-too-large', `${host}: the command printed more than ${MAX_OUTPUT / 1024 / 1024} MiB`, {
    exit: EXIT.hostsFailed,
    hint: 'no command of ensign does: look at what the login prints',
  });
}

function refused({ host }: Execution, cause: unknown): AppError {
  return new AppError('ssh/exec-refused', `${host}: sshd does not run the command`, {
    cause,
    exit: EXIT.hostsFailed,
    hint: 'look at MaxSessions and at what the host says in its log about sessions',
  });
}
