import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { AppError, EXIT, usageError } from '../base/errors.ts';
import type { Dial } from './session.ts';
import { expandTokens } from './ssh-config.ts';

export interface ProxyCommand {
  /** As ssh_config has it, with its tokens. */
  readonly command: string;
  /** The name that ssh would be asked for, `%n`. */
  readonly name: string;
  /** The login, `%r`. */
  readonly user: string;
}

// what stands for a token becomes part of a line for a shell: nothing that a shell would read, and no option
const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_.@+:-]*$/;

/**
 * Connections made by a ProxyCommand of ssh_config(5): run by the user's shell, as ssh runs it, with the connection on
 * its stdin and stdout. Nobody waits for its end: what it does not connect is seen as a host that hangs up.
 * @throws AppError `ssh-config/unsafe-value`, `ssh-config/unknown-token`; the dial: `ssh/unreachable`
 */
export function proxyCommandDial({ command, name, user }: ProxyCommand): Dial {
  return async ({ address, port }) => {
    const tokens = { h: address, n: name, p: `${port}`, r: user };
    for (const value of Object.values(tokens)) {
      if (!PLAIN.test(value)) throw usageError('ssh-config/unsafe-value', `${JSON.stringify(value)} cannot be put into a ProxyCommand`, { hint: 'a shell would read it as more than a name' });
    }
    const line = expandTokens(command, tokens);
    if (line === undefined) throw usageError('ssh-config/unknown-token', `the ProxyCommand of ${name} has a token that is not known: ${command}`, { hint: '%h, %n, %p, %r and %% are; ssh_config(5), TOKENS' });
    const child = spawn(process.env['SHELL'] || '/bin/sh', ['-c', `exec ${line}`], { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
    return new Promise((resolve, reject) => {
      child.once('error', (cause) => reject(new AppError('ssh/unreachable', `the ProxyCommand of ${name} cannot be started`, { cause, exit: EXIT.unreachable, hint: `try it by hand: ${line}` })));
      child.once('spawn', () => resolve(new CommandStream(child)));
    });
  };
}

/** A command's stdin and stdout as one stream; it ends with the command, and the command with it. */
class CommandStream extends Duplex {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;

  constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    super({ allowHalfOpen: false });
    this.#child = child;
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stdout.on('error', () => undefined).on('close', () => this.push(null));
    child.once('exit', () => child.stdin.destroy());
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // a command that has gone is seen by its stdout
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill('SIGHUP');
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    done(error);
  }
}
