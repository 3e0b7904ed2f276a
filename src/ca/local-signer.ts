import { createPrivateKey, type KeyObject } from 'node:crypto';
import ssh2 from 'ssh2';
import { usageError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { samePublicKey, decodePublicKey, type PublicKey } from '../wire/public-key.ts';
import { MOST_ROUNDS, readKeyHeader } from '../ssh/key-header.ts';
import { signData } from '../wire/signature.ts';
import type { Signer } from './authority.ts';

/**
 * A signer from the text of an encrypted private key in OpenSSH's format (OpenSSH PROTOCOL.key). Takes about 0.3 s,
 * which is what the key derivation is for. RSA keys sign with rsa-sha2-512.
 * @throws AppError `ca/bad-key-file`, `ca/unencrypted-key`, `ca/wrong-passphrase`, `ca/key-mismatch`
 */
export function openLocalSigner(text: string, passphrase: Secret<string>, expected: PublicKey, file: string): Signer {
  assertEncrypted(text, file);
  const parsed = ssh2.utils.parseKey(text, passphrase.reveal());
  // the header was readable, so that what fails now is the decryption
  if (parsed instanceof Error) throw usageError('ca/wrong-passphrase', `the passphrase does not open ${file}`, { hint: 'try again with the passphrase that `ensign init` was given' });
  const { publicKey, privateKey } = halvesOf(parsed, file);
  if (!samePublicKey(publicKey, expected)) {
    throw usageError('ca/key-mismatch', `${file} and ${file}.pub are not one key pair`, { hint: `compare with: ssh-keygen -y -f ${file}` });
  }
  return { publicKey, sign: (data) => Promise.resolve(signData(publicKey, privateKey, data)) };
}

function halvesOf(parsed: ssh2.ParsedKey, file: string): { publicKey: PublicKey; privateKey: KeyObject } {
  try {
    // an array where the file holds several keys, whatever the types say: none of them is the authority's then
    return { publicKey: decodePublicKey(parsed.getPublicSSH()), privateKey: createPrivateKey(parsed.getPrivatePEM()) };
  } catch (cause) {
    throw usageError('ca/bad-key-file', `${file} is damaged: it opens, but holds no key`, { cause, hint: 'restore it from a backup' });
  }
}

function assertEncrypted(text: string, file: string): void {
  const bad = usageError('ca/bad-key-file', `${file} is no private key in OpenSSH's format`, { hint: 'convert it with: ssh-keygen -p -f FILE' });
  const base64 = /^-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----\s*$/.exec(text)?.[1];
  if (base64 === undefined) throw bad;
  const header = readKeyHeader(text);
  if (header === undefined) throw bad;
  if (header.rounds > MOST_ROUNDS) {
    throw usageError('ca/bad-key-file', `${file} asks for ${header.rounds} rounds of key derivation, and ensign makes at most ${MOST_ROUNDS}`, { hint: `set fewer with: ssh-keygen -p -a 100 -f ${file}` });
  }
  if (header.cipher === 'none') {
    throw usageError('ca/unencrypted-key', `${file} is not encrypted`, { hint: `set a passphrase with: ssh-keygen -p -a 24 -f ${file}` });
  }
}
