import { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { AppError, EXIT } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { DialTarget } from './session.ts';
import { lost, placeOf } from './tcp-adapter.ts';

// RFC 4254 section 5.1
const CONNECT_FAILED = 2;
const PROHIBITED: ReadonlySet<unknown> = new Set([1, 3, 4]);

/**
 * Has the other end of a client open a TCP connection for us (`direct-tcpip`, RFC 4254 section 7.2). `via` is that
 * end's name, for messages.
 * @throws AppError `ssh/forward-refused` (it does not forward, or not to there), `ssh/refused`, `ssh/unreachable` and
 *   `ssh/timeout` as seen from there, `ssh/lost`
 */
export function openForward(client: Client, via: string, target: DialTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(tooSlow(via, target));
    }, target.timeoutMs);
    // ssh2 calls this when the connection is lost, too
    const answered = (cause: Error | undefined, channel?: ClientChannel): void => {
      clearTimeout(timer);
      if (channel === undefined) {
        reject(notOpened(via, target, cause));
        return;
      }
      const connection = new ForwardedConnection(channel);
      // nobody would ever close it, and the host would wait for our greeting
      if (late) connection.destroy();
      else resolve(connection);
    };
    try {
      client.forwardOut('127.0.0.1', 0, target.address, target.port, answered);
    } catch (cause) {
      clearTimeout(timer);
      reject(lost(via, cause));
    }
  });
}

/** ssh2's channel as a stream that ends and is destroyed as a socket is: the channel's own `destroy` does neither. */
class ForwardedConnection extends Duplex {
  readonly #channel: ClientChannel;

  constructor(channel: ClientChannel) {
    super({ allowHalfOpen: false });
    this.#channel = channel;
    channel.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.on('end', () => this.push(null));
    channel.on('error', (cause: Error) => this.destroy(cause));
    // what came before the end is still to be read
    channel.on('close', () => (this.readableEnded ? this.destroy() : this.once('end', () => this.destroy())));
    channel.pause();
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#channel.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.removeAllListeners('data').close();
    // unread bytes would keep the channel from closing
    this.#channel.resume();
    done(error);
  }
}

function notOpened(via: string, target: DialTarget, cause: Error | undefined): AppError {
  const reason = cause !== undefined && 'reason' in cause ? cause.reason : undefined;
  const said = printable((cause?.message ?? '').replace(/^\(SSH\) Channel open failure: /, '')).slice(0, 200);
  const where = placeOf(target);
  if (PROHIBITED.has(reason)) {
    return new AppError('ssh/forward-refused', `jump host ${via} does not forward to ${where}: ${said}`, {
      cause,
      exit: EXIT.unreachable,
      hint: 'its sshd needs "AllowTcpForwarding yes" for this login, PermitOpen must not leave the host out, and the key must not be restricted in authorized_keys',
    });
  }
  if (reason !== CONNECT_FAILED) return lost(via, cause);
  // one reason stands for every failed connect; OpenSSH adds the system's words for it, in the C locale
  if (/refused/i.test(said)) {
    return new AppError('ssh/refused', `${where} refuses connections from jump host ${via}`, {
      cause,
      exit: EXIT.unreachable,
      hint: 'nothing listens there: is sshd running, and are address and port right as seen from the jump host?',
    });
  }
  return new AppError('ssh/unreachable', `jump host ${via} cannot reach ${where}: ${said}`, {
    cause,
    exit: EXIT.unreachable,
    hint: 'check the address as the jump host resolves it, its route and the firewall',
  });
}

function tooSlow(via: string, target: DialTarget): AppError {
  return new AppError('ssh/timeout', `jump host ${via} did not reach ${placeOf(target)} within ${target.timeoutMs / 1000} s`, {
    exit: EXIT.unreachable,
    hint: 'the host is down, or a firewall behind the jump host drops the packets',
  });
}
