import type { WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';

// RFC 4254 section 9
const WINDOW_ADJUST = 93;
const DATA = 94;
const EXTENDED_DATA = 95;
const EOF = 96;
const CLOSE = 97;
const REQUEST = 98;
const SUCCESS = 99;
const FAILURE = 100;

/** How much the host may send before it is told to go on, bytes. */
export const WINDOW = 2 * 1024 * 1024;
/** The most in one message, bytes: RFC 4253 section 6.1. */
export const MAX_DATA = 32 * 1024;

/** What a channel tells whoever uses it. */
export interface ChannelListener {
  /** Call `consumed` once it is taken care of: the host sends no more than a window ahead. */
  data(chunk: Uint8Array, stderr: boolean): void;
  /** The host sends no more data. */
  eof(): void;
  /** `exit-status`, `exit-signal`; the reader stands behind the want-reply flag. */
  request(name: string, reader: WireReader): void;
  /** Nothing follows. With an error when the connection went, and not the channel. */
  closed(error?: Error): void;
}

/** One channel of the connection protocol (RFC 4254 section 5) with its window in both directions. */
export class MuxChannel {
  readonly #send: (payload: Uint8Array) => void;
  readonly #listener: ChannelListener;
  #remote = 0;
  #theirWindow = 0;
  #theirMax = 0;
  #consumed = 0;
  #waiting: { bytes: Uint8Array; done: () => void }[] = [];
  #replies: ((granted: boolean) => void)[] = [];
  #ending: 'open' | 'eof-wanted' | 'eof' = 'open';
  #closeSent = false;
  #closed = false;

  constructor(send: (payload: Uint8Array) => void, listener: (channel: MuxChannel) => ChannelListener) {
    this.#send = send;
    this.#listener = listener(this);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** `done` is called when all of it is on its way. */
  write(bytes: Uint8Array, done: () => void = () => undefined): void {
    this.#waiting.push({ bytes, done });
    this.#flush();
  }

  /** We send no more data, once what waits is sent. */
  eof(): void {
    if (this.#ending === 'open') this.#ending = 'eof-wanted';
    this.#flush();
  }

  /** Asks for something and says whether it was granted. */
  request(name: string, details: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      this.#replies.push(resolve);
      this.#say((writer) => writer.byte(REQUEST).uint32(this.#remote).string(name).boolean(true).bytes(details));
    });
  }

  /** RFC 4254 section 6.9; `TERM`, without `SIG`. */
  signal(name: string): void {
    this.#say((writer) => writer.byte(REQUEST).uint32(this.#remote).string('signal').boolean(false).string(name));
  }

  consumed(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < WINDOW / 4) return;
    const count = this.#consumed;
    this.#consumed = 0;
    this.#say((writer) => writer.byte(WINDOW_ADJUST).uint32(this.#remote).uint32(count));
  }

  close(): void {
    if (this.#closeSent) return;
    this.#say((writer) => writer.byte(CLOSE).uint32(this.#remote));
    this.#closeSent = true;
    this.#drop();
  }

  /** For the connection: what the host agreed to. */
  opened(remote: number, window: number, max: number): void {
    this.#remote = remote;
    this.#theirWindow = window;
    this.#theirMax = Math.max(1, Math.min(max, MAX_DATA));
  }

  /** For the connection: a message to this channel; the reader stands behind the channel number. */
  message(type: number, reader: WireReader): void {
    switch (type) {
      case WINDOW_ADJUST:
        this.#theirWindow += reader.uint32();
        this.#flush();
        break;
      case DATA:
        this.#listener.data(reader.string(), false);
        break;
      case EXTENDED_DATA:
        reader.uint32();
        this.#listener.data(reader.string(), true);
        break;
      case EOF:
        this.#listener.eof();
        break;
      case REQUEST:
        this.#asked(reader);
        break;
      case SUCCESS:
      case FAILURE:
        this.#replies.shift()?.(type === SUCCESS);
        break;
      case CLOSE:
        this.close();
        this.gone();
        break;
    }
  }

  /** For the connection: it has ended, and everything with it. */
  gone(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeSent = true;
    for (const reply of this.#replies.splice(0)) reply(false);
    this.#drop();
    this.#listener.closed(error);
  }

  #asked(reader: WireReader): void {
    const name = Buffer.from(reader.string()).toString('latin1');
    const wantReply = reader.boolean();
    this.#listener.request(name, reader);
    if (wantReply) this.#say((writer) => writer.byte(FAILURE).uint32(this.#remote));
  }

  #flush(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.bytes.length === 0) {
        this.#waiting.shift();
        next.done();
        continue;
      }
      const size = Math.min(next.bytes.length, this.#theirWindow, this.#theirMax);
      if (size === 0) return;
      const piece = next.bytes.subarray(0, size);
      this.#theirWindow -= size;
      next.bytes = next.bytes.subarray(size);
      this.#say((writer) => writer.byte(DATA).uint32(this.#remote).string(piece), size);
    }
    if (this.#ending !== 'eof-wanted') return;
    this.#ending = 'eof';
    this.#say((writer) => writer.byte(EOF).uint32(this.#remote));
  }

  /** What waits is sent to nobody. */
  #drop(): void {
    for (const { done } of this.#waiting.splice(0)) done();
  }

  #say(write: (writer: WireWriter) => WireWriter, size = 0): void {
    if (!this.#closeSent) this.#send(write(new WireWriter(size + 256)).finish());
  }
}
