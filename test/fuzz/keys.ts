import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { PublicKey } from '../../src/wire/public-key.ts';

const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex'); // RFC 8410 section 7

/** An Ed25519 key pair that is the same in every run: mutated certificates are signed again with it. Worth nothing to anybody. */
export function fixedKey(byte: number): { readonly key: PublicKey; readonly privateKey: KeyObject } {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, Buffer.alloc(32, byte)]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, key: { kind: 'ed25519', type: 'ssh-ed25519', point: new Uint8Array(Buffer.from(x, 'base64url')) } };
}

/** Signs certificates. */
export const AUTHORITY = fixedKey(1);
/** Certificates are for it where somebody has to log in with one. */
export const SUBJECT = fixedKey(2);
