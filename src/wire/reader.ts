import { AppError } from '../base/errors.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const NAME = /^[\x21-\x2b\x2d-\x7e]+$/;

/**
 * Reads the SSH wire types of RFC 4251 section 5 from one buffer. Whatever it returns is a view into that buffer.
 * Every method throws AppError `wire/truncated` when the bytes end before the value does.
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    // not the argument itself: a Buffer's subarrays are Buffers, and would compare unequal to plain arrays
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes are still unread. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  bytes(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** RFC 4251: every value other than 0 is true. */
  boolean(): boolean {
    return this.byte() !== 0;
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  string(): Uint8Array {
    return this.bytes(this.uint32());
  }

  /** A string of valid UTF-8. @throws AppError `wire/bad-text` */
  utf8(): string {
    const bytes = this.string();
    try {
      return UTF8.decode(bytes);
    } catch (cause) {
      throw new AppError('wire/bad-text', 'a text in the SSH data is not valid UTF-8', { cause });
    }
  }

  /** UTF-8 without NUL, which OpenSSH reads as a C string. @throws AppError `wire/bad-text` */
  text(): string {
    const text = this.utf8();
    if (text.includes('\0')) throw new AppError('wire/bad-text', 'a text in the SSH data holds a NUL character');
    return text;
  }

  /**
   * The magnitude of a positive mpint without leading zeros; zero is empty.
   * @throws AppError `wire/non-canonical-integer` for negative numbers and needless leading zeros
   */
  mpint(): Uint8Array {
    const bytes = this.string();
    const [first, second] = bytes;
    if (first === undefined) return bytes;
    if (first >= 0x80) throw nonCanonical('is negative');
    if (first > 0) return bytes;
    if (second === undefined || second < 0x80) throw nonCanonical('has needless leading zeros');
    return bytes.subarray(1);
  }

  /** Comma-separated printable ASCII names; none of them empty. @throws AppError `wire/bad-text` */
  nameList(): string[] {
    const text = this.utf8();
    if (text === '') return [];
    const names = text.split(',');
    if (!names.every((name) => NAME.test(name))) throw new AppError('wire/bad-text', 'a name list in the SSH data is malformed');
    return names;
  }

  /** @throws AppError `wire/trailing-bytes` when anything is unread */
  end(): void {
    if (this.remaining > 0) throw new AppError('wire/trailing-bytes', `${this.remaining} bytes too many at the end of the SSH data`);
  }

  #advance(count: number): number {
    const start = this.#at;
    if (!(count >= 0 && count <= this.remaining)) {
      throw new AppError('wire/truncated', `the SSH data ends too early: ${count} bytes wanted, ${this.remaining} left`);
    }
    this.#at += count;
    return start;
  }
}

function nonCanonical(why: string): AppError {
  return new AppError('wire/non-canonical-integer', `an integer in the SSH data ${why}`);
}
