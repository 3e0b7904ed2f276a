import type { NodeSSH } from 'node-ssh';
import type { Client, ClientChannel } from 'ssh2';
import type { AppError } from '../base/errors.ts';
import { commandTimedOut, execRefused, GRACE_MS, MAX_OUTPUT, outputTooLarge, type Execution } from './carrier.ts';
import { terminate } from './certificate-login.ts';
import type { CommandResult } from './session.ts';

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
    const timer = setTimeout(() => stop(commandTimedOut(execution)), execution.timeoutMs);
    const release = execution.watch(stop);
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MAX_OUTPUT) stop(outputTooLarge(execution));
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
      (cause: unknown) => stop(execRefused(execution, cause)),
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
