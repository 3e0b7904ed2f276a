import { AppError } from '../base/errors.ts';
import { decodePublicKey, type PublicKey } from '../wire/public-key.ts';
import { WireReader } from '../wire/reader.ts';

// what a peer may say before its identification line (RFC 4253 section 4.2), and OpenSSH's own limit for a packet
const MAX_GREETING = 64 * 1024;
const MAX_PACKET = 256 * 1024;
const MAX_EXCUSE = 400;

const NEW_KEYS = 21; // RFC 4253 section 12
// RFC 4253 section 8, RFC 5656 section 4 and the hybrid exchanges have their reply here; RFC 4419 has its group here ...
const KEX_REPLY = 31;
// ... and its reply here
const GROUP_EXCHANGE_REPLY = 33;

/**
 * Reads along in one direction of a connection while it is not encrypted: the identification line and the packets up to
 * NEWKEYS. It never changes anything and never fails: what makes no sense to it, it leaves to the client.
 */
export class HandshakeTap {
  readonly #hear: (payload: Uint8Array) => void;
  #received = Buffer.alloc(0);
  #state: 'greeting' | 'packets' | 'over' = 'greeting';
  #before = '';
  #introduced = false;
  #encrypted = false;

  /** `hear` is given the payload of every packet. */
  constructor(hear: (payload: Uint8Array) => void = () => undefined) {
    this.#hear = hear;
  }

  /** The identification line has passed. */
  get introduced(): boolean {
    return this.#introduced;
  }

  /** What was said in place of the identification line, or before it. */
  get before(): string {
    return this.#introduced ? this.#before : `${this.#before}${this.#received.toString('latin1', 0, MAX_EXCUSE)}`;
  }

  /** NEWKEYS has passed: this end has agreed to everything before it. */
  get encrypted(): boolean {
    return this.#encrypted;
  }

  feed(chunk: Uint8Array): void {
    if (this.#state === 'over') return;
    this.#received = Buffer.concat([this.#received, chunk]);
    if (this.#state === 'greeting') this.#greeting();
    while (this.#state === 'packets' && this.#packet()) continue;
  }

  #greeting(): void {
    for (let end = this.#received.indexOf(10); end !== -1; end = this.#received.indexOf(10)) {
      const line = this.#received.subarray(0, end);
      this.#received = this.#received.subarray(end + 1);
      if (!line.toString('latin1').startsWith('SSH-')) {
        if (this.#before.length < MAX_EXCUSE) this.#before += `${line.toString('latin1')}\n`;
        continue;
      }
      this.#introduced = true;
      this.#state = 'packets';
      return;
    }
    if (this.#received.length > MAX_GREETING) this.#stop();
  }

  #packet(): boolean {
    if (this.#received.length < 5) return false;
    const length = this.#received.readUInt32BE(0);
    const padding = this.#received.readUInt8(4);
    if (length > MAX_PACKET || padding + 1 >= length) {
      this.#stop();
      return false;
    }
    if (this.#received.length < 4 + length) return false;
    const payload = Uint8Array.from(this.#received.subarray(5, 4 + length - padding));
    this.#received = this.#received.subarray(4 + length);
    if (payload[0] === NEW_KEYS) {
      this.#encrypted = true;
      this.#stop();
    }
    this.#hear(payload);
    return true;
  }

  #stop(): void {
    this.#state = 'over';
    this.#received = Buffer.alloc(0);
  }
}

/** The host key that a packet of a key exchange shows; undefined for every other packet, and for keys that we cannot read. */
export function shownHostKey(payload: Uint8Array): PublicKey | undefined {
  if (payload[0] !== KEX_REPLY && payload[0] !== GROUP_EXCHANGE_REPLY) return undefined;
  try {
    return decodePublicKey(new WireReader(payload.subarray(1)).string());
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
