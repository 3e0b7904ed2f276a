import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { AppError, EXIT } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';
import { dropped, excuseIn } from './dropped.ts';
import { tcpError } from './tcp-adapter.ts';

// what a server may send before its identification line (RFC 4253 section 4.2), and as one packet (section 6.1: at
// least 35000 must be taken; ours carry a key, a signature and a certificate)
const MAX_GREETING = 64 * 1024;
const MAX_PACKET = 64 * 1024;
// chunks that nobody has asked for yet
const MAX_WAITING = 16;
const BLOCK = 8; // section 6: before encryption

/** Message numbers of RFC 4253 section 12. */
export const MESSAGE = { disconnect: 1, ignore: 2, unimplemented: 3, debug: 4, kexInit: 20 } as const;

/** SSH's packets before any encryption, over a socket that ends by itself at a deadline. */
export class PlainTransport {
  readonly #socket: Duplex;
  readonly #where: string;
  readonly #incoming: Buffer[] = [];
  /** The error, or nothing, that the connection ended with. */
  #ended: { readonly cause?: unknown } | undefined;
  #wake: () => void = () => undefined;
  #received: Buffer = Buffer.alloc(0);
  /** The first line that came in place of the identification line. */
  #said = '';
  #introduced = false;

  constructor(socket: Duplex, where: string) {
    this.#socket = socket;
    this.#where = where;
    // an iterator would lose what came just before a reset: the reason, where a host gives one
    socket.on('data', (chunk: Buffer) => {
      this.#incoming.push(chunk);
      if (this.#incoming.length > MAX_WAITING) socket.pause();
      this.#wake();
    });
    const end = (cause?: unknown): void => {
      this.#ended ??= { cause };
      this.#wake();
    };
    socket.on('error', end).on('end', () => end()).on('close', () => end());
  }

  /** Sends our identification line. */
  greet(version: string): void {
    this.#socket.write(`${version}\r\n`);
  }

  /** The server's identification line; lines that come before it are skipped. */
  async version(): Promise<string> {
    for (let seen = 0; seen <= MAX_GREETING; ) {
      const end = this.#received.indexOf(10);
      if (end === -1) {
        if (seen + this.#received.length > MAX_GREETING) break;
        await this.#more();
        continue;
      }
      const line = this.#take(end + 1).toString('latin1').replace(/\r?\n$/, '');
      if (/^SSH-(2\.0|1\.99)-[\x20-\x7e]{1,246}$/.test(line)) {
        this.#introduced = true;
        return line;
      }
      if (line.startsWith('SSH-')) throw this.broken(`its version is ${printable(line).slice(0, 80)}`);
      seen += end + 1;
      if (this.#said === '') this.#said = line;
    }
    throw this.broken('it does not introduce itself');
  }

  /** The payload of the next packet that is not mere talk. */
  async packet(): Promise<Uint8Array> {
    for (;;) {
      const payload = await this.#packet();
      switch (payload[0]) {
        case MESSAGE.ignore:
        case MESSAGE.debug:
        case MESSAGE.unimplemented:
          continue;
        case MESSAGE.disconnect:
          throw this.broken(`it hangs up: ${disconnectReason(payload)}`);
        default:
          return payload;
      }
    }
  }

  send(payload: Uint8Array): void {
    // 4 bytes at least of padding, and a whole number of blocks
    const padding = BLOCK - ((4 + 1 + payload.length) % BLOCK);
    const size = padding < 4 ? padding + BLOCK : padding;
    this.#socket.write(new WireWriter(payload.length + 32).uint32(1 + payload.length + size).byte(size).bytes(payload).bytes(randomBytes(size)).finish());
  }

  /** For a server that breaks the protocol. */
  broken(what: string, cause?: unknown): AppError {
    return new AppError('ssh/protocol', `${this.#where} does not speak SSH as expected: ${what}`, {
      cause,
      exit: EXIT.hostsFailed,
      hint: 'is this the port of an sshd?',
    });
  }

  async #packet(): Promise<Uint8Array> {
    while (this.#received.length < 4) await this.#more();
    const length = this.#received.readUInt32BE(0);
    if (length < 2 || length > MAX_PACKET) throw this.broken(`a packet claims to have ${length} bytes`);
    while (this.#received.length < 4 + length) await this.#more();
    const packet = this.#take(4 + length);
    const padding = packet[4] ?? 0;
    if (padding + 1 >= length) throw this.broken('a packet has more padding than content');
    return packet.subarray(5, 4 + length - padding);
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  async #more(): Promise<void> {
    while (this.#incoming.length === 0) {
      if (this.#ended !== undefined) throw this.#ended.cause === undefined ? this.#hungUp() : this.#broke(this.#ended.cause);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#received = Buffer.concat([this.#received, ...this.#incoming.splice(0)]);
    this.#socket.resume();
  }

  #broke(cause: unknown): AppError {
    if (cause instanceof AppError) return cause;
    const error = tcpError(cause instanceof Error ? cause : new Error(String(cause)), this.#where);
    return error.code === 'ssh/lost' ? this.#hungUp(cause) : error;
  }

  /** Everything here happens before the end of the key exchange. */
  #hungUp(cause?: unknown): AppError {
    const said = this.#said === '' ? excuseIn(this.#received.toString('latin1')) : this.#said;
    return dropped(this.#where, this.#introduced ? '' : said, cause);
  }
}

function disconnectReason(payload: Uint8Array): string {
  try {
    const reader = new WireReader(payload.subarray(1));
    const reason = reader.uint32();
    return printable(reader.utf8()).slice(0, 200) || `reason ${reason}`;
  } catch {
    return 'without a reason';
  }
}
