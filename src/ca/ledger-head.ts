import { createHash } from 'node:crypto';
import { WireWriter } from '../wire/writer.ts';

const NAMESPACE = 'ledger@ensign';

/**
 * The bytes by which an authority vouches for the newest record: an SSHSIG (OpenSSH PROTOCOL.sshsig) with a namespace
 * of its own. Its magic preamble keeps the signature from ever being one over a certificate, which begins with the
 * length of its type name.
 */
export function headToBeSigned(seq: number, hash: string): Uint8Array {
  const digest = createHash('sha512').update(headMessage(seq, hash)).digest();
  return new WireWriter().bytes(new TextEncoder().encode('SSHSIG')).string(NAMESPACE).string('').string('sha512').string(digest).finish();
}

/** What is signed, in words: `ensign ledger head SEQ HASH` and a newline. */
export function headMessage(seq: number, hash: string): string {
  return `ensign ledger head ${seq} ${hash}\n`;
}
