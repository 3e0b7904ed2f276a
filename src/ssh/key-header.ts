import { WireReader } from '../wire/reader.ts';

const MAGIC = 'openssh-key-v1\0';

/**
 * More rounds of bcrypt are refused: a round takes some 12 ms in which nothing else runs, and a damaged file may ask for
 * four billion. ssh-keygen makes 16 or 24; people who ask for more (`-a`) ask for a hundred or two.
 */
export const MOST_ROUNDS = 500;

/** What stands in clear before an encrypted key: OpenSSH PROTOCOL.key. */
export interface KeyHeader {
  readonly cipher: string;
  /** Of bcrypt; 0 for a key that is not encrypted. */
  readonly rounds: number;
}

/** Undefined for a text that is not in OpenSSH's format, or whose head is damaged. */
export function readKeyHeader(text: string): KeyHeader | undefined {
  try {
    const reader = new WireReader(openSshBody(text) ?? new Uint8Array());
    const cipher = reader.utf8();
    const derivation = reader.utf8();
    const options = new WireReader(reader.string());
    if (derivation !== 'bcrypt') return { cipher, rounds: 0 };
    options.string(); // salt
    return { cipher, rounds: options.uint32() };
  } catch {
    return undefined;
  }
}

/** What follows the magic; undefined where it is missing. */
export function openSshBody(text: string): Buffer | undefined {
  const body = Buffer.from(text.replace(/-----[^-]*-----/g, ''), 'base64');
  return body.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC)) ? body.subarray(MAGIC.length) : undefined;
}
