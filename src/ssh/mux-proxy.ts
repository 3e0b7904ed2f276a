import type { Duplex } from 'node:stream';
import { AppError } from '../base/errors.ts';
import { WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';
import { MAX_DATA, MuxChannel, WINDOW, type ChannelListener } from './mux-channel.ts';

// PROTOCOL.mux of OpenSSH, sections 1, 9 and 11; proxy mode since OpenSSH 7.4
const HELLO = 0x0000_0001;
const PROXY_REQUEST = 0x1000_000f;
const PROXY_GRANTED = 0x8000_000f;
const MUX_VERSION = 4;
const MAX_FRAME = 1024 * 1024;

// RFC 4254 section 9
const OPEN = 90;
const OPENED = 91;
const OPEN_FAILED = 92;

/** Why a channel was not opened: RFC 4254 section 5.1. */
export class ChannelRefused extends Error {
  readonly reason: number;

  constructor(reason: number, message: string) {
    super(message);
    this.reason = reason;
  }
}

interface Opening {
  readonly channel: MuxChannel;
  readonly resolve: (channel: MuxChannel) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Speaks to the control socket of an `ssh` that has logged in, in proxy mode: from there on the socket carries the
 * connection protocol itself (RFC 4254), without encryption, and the client translates the numbers of channels. So
 * exit statuses, signals and refusals are those of the host, and no process is needed for a command.
 */
export class MuxProxy {
  readonly #socket: Duplex;
  readonly #channels = new Map<number, MuxChannel>();
  readonly #opening = new Map<number, Opening>();
  #received: Buffer = Buffer.alloc(0);
  #state: 'hello' | 'request' | 'proxy' | 'over' = 'hello';
  #ready: { resolve: () => void; reject: (error: Error) => void } | undefined;
  readonly #listeners: ((cause?: unknown) => void)[] = [];
  #next = 0;

  private constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('error', (cause) => this.#end(cause)).on('close', () => this.#end());
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
  }

  /**
   * @param socket connected to the control socket; belongs to the proxy from now on
   * @throws AppError `ssh/library` when the other end does not speak this protocol
   */
  static async start(socket: Duplex): Promise<MuxProxy> {
    const proxy = new MuxProxy(socket);
    await new Promise<void>((resolve, reject) => {
      proxy.#ready = { resolve, reject };
      socket.write(new WireWriter().string(new WireWriter().uint32(HELLO).uint32(MUX_VERSION).finish()).string(new WireWriter().uint32(PROXY_REQUEST).uint32(0).finish()).finish());
    });
    return proxy;
  }

  /**
   * A new channel. `details` is what the open message carries after its numbers; `listener` is made before anything
   * can arrive.
   * @throws ChannelRefused, or an Error when the client is gone
   */
  open(type: string, details: Uint8Array, listener: (channel: MuxChannel) => ChannelListener): Promise<MuxChannel> {
    if (this.#state !== 'proxy') return Promise.reject(new Error('the ssh client is gone'));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const channel = new MuxChannel((payload) => this.#send(payload), listener);
      this.#opening.set(id, { channel, resolve, reject });
      this.#send(new WireWriter().byte(OPEN).string(type).uint32(id).uint32(WINDOW).uint32(MAX_DATA).bytes(details).finish());
    });
  }

  /** Hears that the client is gone, after everything that it still had to say. */
  onEnd(listener: (cause?: unknown) => void): void {
    this.#listeners.push(listener);
  }

  end(): void {
    this.#end();
    this.#socket.destroy();
  }

  #feed(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    try {
      while (this.#state !== 'over' && this.#received.length >= 4) {
        const length = this.#received.readUInt32BE(0);
        if (length < 2 || length > MAX_FRAME) throw strange();
        if (this.#received.length < 4 + length) return;
        const frame = this.#received.subarray(4, 4 + length);
        this.#received = this.#received.subarray(4 + length);
        if (this.#state === 'proxy') this.#message(frame.subarray(1));
        else this.#greeting(new WireReader(frame));
      }
    } catch (cause) {
      this.#end(cause instanceof Error ? cause : strange());
      this.#socket.destroy();
    }
  }

  #greeting(reader: WireReader): void {
    const type = reader.uint32();
    if (this.#state === 'hello') {
      if (type !== HELLO || reader.uint32() !== MUX_VERSION) throw strange();
      this.#state = 'request';
      return;
    }
    if (type !== PROXY_GRANTED) throw strange();
    this.#state = 'proxy';
    this.#ready?.resolve();
  }

  #message(payload: Uint8Array): void {
    const reader = new WireReader(payload);
    const type = reader.byte();
    const id = reader.uint32();
    const opening = this.#opening.get(id);
    if (opening !== undefined && (type === OPENED || type === OPEN_FAILED)) {
      this.#opening.delete(id);
      if (type === OPEN_FAILED) {
        opening.reject(new ChannelRefused(reader.uint32(), Buffer.from(reader.string()).toString('utf8')));
        return;
      }
      opening.channel.opened(reader.uint32(), reader.uint32(), reader.uint32());
      this.#channels.set(id, opening.channel);
      opening.resolve(opening.channel);
      return;
    }
    const channel = this.#channels.get(id);
    // late words about a channel that is closed
    if (channel === undefined) return;
    channel.message(type, reader);
    if (channel.closed) this.#channels.delete(id);
  }

  #send(payload: Uint8Array): void {
    if (this.#state !== 'proxy') return;
    this.#socket.write(new WireWriter(payload.length + 8).uint32(payload.length + 1).byte(0).bytes(payload).finish());
  }

  #end(cause?: Error): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    const error = cause ?? new Error('the ssh client is gone');
    this.#ready?.reject(error);
    for (const { reject } of this.#opening.values()) reject(error);
    for (const channel of this.#channels.values()) channel.gone(error);
    this.#opening.clear();
    this.#channels.clear();
    for (const listener of this.#listeners) listener(cause);
  }
}

function strange(): AppError {
  return new AppError('ssh/library', 'the installed ssh does not share its connection as expected', { hint: 'OpenSSH 7.4 or newer is needed for the transport openssh' });
}
