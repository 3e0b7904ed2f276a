import { AppError } from '../base/errors.ts';

const LONE_SURROGATE = /\p{Cs}/u;
const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

/**
 * Writes the SSH wire types of RFC 4251 section 5; the counterpart of WireReader.
 * Values that do not fit their type throw AppError `wire/out-of-range`, they are never cut to size.
 */
export class WireWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 512) {
    this.#bytes = new Uint8Array(capacity);
  }

  byte(value: number): this {
    checkRange(value, 0xff);
    const at = this.#extend(1);
    this.#bytes[at] = value;
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#extend(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  boolean(value: boolean): this {
    return this.byte(value ? 1 : 0);
  }

  uint32(value: number): this {
    checkRange(value, 0xffff_ffff);
    this.#setUint32(this.#extend(4), value);
    return this;
  }

  uint64(value: bigint): this {
    if (value < 0n || value > MAX_UINT64) throw outOfRange(value);
    return this.uint32(Number(value >> 32n)).uint32(Number(value & 0xffff_ffffn));
  }

  /** Text is written as UTF-8. @throws AppError `wire/bad-text` for text that has no UTF-8 form */
  string(value: Uint8Array | string): this {
    if (typeof value === 'string') return this.#ascii(value) ? this : this.string(utf8(value));
    return this.uint32(value.length).bytes(value);
  }

  /** A positive integer from its big-endian magnitude; leading zeros are dropped. */
  mpint(magnitude: Uint8Array): this {
    let start = 0;
    while (magnitude[start] === 0) start += 1;
    const minimal = magnitude.subarray(start);
    const signByte = (minimal[0] ?? 0) >= 0x80;
    this.uint32(minimal.length + (signByte ? 1 : 0));
    if (signByte) this.byte(0);
    return this.bytes(minimal);
  }

  /** A string that holds whatever `write` adds to this writer. */
  nested(write: (writer: this) => void): this {
    const start = this.#extend(4);
    write(this);
    this.#setUint32(start, this.#length - start - 4);
    return this;
  }

  nameList(names: readonly string[]): this {
    return this.string(names.join(','));
  }

  /** Everything written so far. The writer may go on; what was returned does not change. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Names and principals are nearly always ASCII: a plain loop is several times faster than a Buffer for each. */
  #ascii(text: string): boolean {
    const start = this.#extend(4 + text.length);
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) {
        this.#length = start;
        return false;
      }
      this.#bytes[start + 4 + i] = unit;
    }
    this.#setUint32(start, text.length);
    return true;
  }

  #setUint32(at: number, value: number): void {
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
  }

  #extend(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
    }
    return start;
  }
}

function utf8(text: string): Uint8Array {
  // Buffer would turn a lone surrogate into U+FFFD, so that two different texts became the same bytes
  if (LONE_SURROGATE.test(text)) throw new AppError('wire/bad-text', 'a text cannot be written as UTF-8: it holds half of a surrogate pair');
  return Buffer.from(text, 'utf8');
}

function checkRange(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) throw outOfRange(value);
}

function outOfRange(value: number | bigint): AppError {
  return new AppError('wire/out-of-range', `${value.toString()} does not fit its SSH wire type`);
}
