import { createPrivateKey, type KeyObject } from 'node:crypto';
import ssh2 from 'ssh2';
import { AppError, usageError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { samePublicKey, decodePublicKey, type PublicKey } from '../wire/public-key.ts';
import { WireReader } from '../wire/reader.ts';
import { signData } from '../wire/signature.ts';
import type { Signer } from './authority.ts';

const MAGIC = 'openssh-key-v1\0';

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
  const publicKey = decodePublicKey(parsed.getPublicSSH());
  if (!samePublicKey(publicKey, expected)) {
    throw usageError('ca/key-mismatch', `${file} and ${file}.pub are not one key pair`, { hint: `compare with: ssh-keygen -y -f ${file}` });
  }
  const privateKey: KeyObject = createPrivateKey(parsed.getPrivatePEM());
  return { publicKey, sign: (data) => Promise.resolve(signData(publicKey, privateKey, data)) };
}

function assertEncrypted(text: string, file: string): void {
  const bad = usageError('ca/bad-key-file', `${file} is no private key in OpenSSH's format`, { hint: 'convert it with: ssh-keygen -p -f FILE' });
  const base64 = /^-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----\s*$/.exec(text)?.[1];
  if (base64 === undefined) throw bad;
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) throw bad;
  let cipher: string;
  try {
    cipher = new WireReader(bytes.subarray(MAGIC.length)).utf8();
  } catch (error) {
    if (error instanceof AppError) throw bad;
    throw error;
  }
  if (cipher === 'none') {
    throw usageError('ca/unencrypted-key', `${file} is not encrypted`, { hint: `set a passphrase with: ssh-keygen -p -a 24 -f ${file}` });
  }
}
