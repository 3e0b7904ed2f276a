import { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { notForwarded, slowForward } from './forward-failure.ts';
import type { DialTarget } from './session.ts';
import { lost } from './tcp-adapter.ts';

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
      reject(slowForward(via, target));
    }, target.timeoutMs);
    // ssh2 calls this when the connection is lost, too
    const answered = (cause: Error | undefined, channel?: ClientChannel): void => {
      clearTimeout(timer);
      if (channel === undefined) {
        reject(notForwarded(via, target, cause));
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
