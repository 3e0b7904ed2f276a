import { Duplex } from 'node:stream';
import type { ChannelListener, MuxChannel } from './mux-channel.ts';
import type { MuxProxy } from './mux-proxy.ts';

/** A channel as a stream that ends and is destroyed as a socket is. */
export class MuxStream extends Duplex {
  #channel: MuxChannel | undefined;
  #unread = 0;

  private constructor() {
    super({ allowHalfOpen: false });
  }

  /** @throws ChannelRefused, or an Error when the client is gone */
  static async open(proxy: MuxProxy, type: string, details: Uint8Array): Promise<MuxStream> {
    const stream = new MuxStream();
    await proxy.open(type, details, (channel) => stream.#listen(channel));
    return stream;
  }

  override _read(): void {
    const count = this.#unread;
    this.#unread = 0;
    if (count > 0) this.#channel?.consumed(count);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#channel?.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel?.eof();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel?.close();
    done(error);
  }

  #listen(channel: MuxChannel): ChannelListener {
    this.#channel = channel;
    return {
      data: (chunk) => {
        this.#unread += chunk.length;
        // what does not fit is taken, but the host is told to go on only when somebody reads
        if (this.push(chunk)) this._read();
      },
      eof: () => this.push(null),
      request: () => undefined,
      // also when the connection went: a socket's reader sees the end then, too
      closed: () => {
        if (this.readableEnded) this.destroy();
        // what came before the end is still to be read
        else this.once('end', () => this.destroy()).push(null);
      },
    };
  }
}
