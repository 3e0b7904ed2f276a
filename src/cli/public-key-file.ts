import { open } from 'node:fs/promises';
import { AppError, usageError } from '../base/errors.ts';
import { decodePublicKey, parsePublicKeyLine, type PublicKey } from '../wire/public-key.ts';

const LONGEST = 64 * 1024;

/**
 * Reads the one public key of a file: a `.pub` line of OpenSSH, or a key in PEM (SPKI, PKCS#1) or RFC 4716 form, as
 * other servers and hardware give them out.
 * @throws AppError `ca/no-public-key`, `wire/certificate-as-key`, and the errors of parsePublicKeyLine, all with the file
 */
export async function readPublicKeyFile(path: string): Promise<PublicKey> {
  const text = await readStart(path);
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw usageError('ca/no-public-key', `${path} is a private key`, { hint: `give the public one: ${path}.pub` });
  }
  if (/^---- ?BEGIN SSH2 PUBLIC KEY|^-----BEGIN (RSA )?PUBLIC KEY-----/.test(text)) return readForeignKey(text, path);
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const [line] = lines;
  if (line === undefined || lines.length > 1) {
    throw usageError('ca/no-public-key', `${path} holds ${lines.length === 0 ? 'no key' : 'more than one line'}`, { hint: 'give a .pub file with one public key' });
  }
  try {
    return parsePublicKeyLine(line).key;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw usageError(error.code, `${path}: ${error.message}`, { cause: error, hint: error.hint ?? 'give a .pub file with one public key' });
  }
}

async function readForeignKey(text: string, path: string): Promise<PublicKey> {
  const { default: sshpk } = await import('sshpk');
  try {
    return decodePublicKey(sshpk.parseKey(text, 'auto', { filename: path }).toBuffer('rfc4253', {}));
  } catch (cause) {
    if (cause instanceof AppError) throw usageError(cause.code, `${path}: ${cause.message}`, { cause, hint: cause.hint });
    throw usageError('ca/no-public-key', `${path} holds no public key that can be read`, { cause, hint: 'convert it with: ssh-keygen -i -f FILE' });
  }
}

/** Where the certificate of a key belongs: `id_ed25519-cert.pub` next to `id_ed25519.pub`, where ssh and sshd look for it. */
export function certificateFileOf(keyFile: string): string {
  return `${keyFile.replace(/\.pub$/, '')}-cert.pub`;
}

async function readStart(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      if (!(await handle.stat()).isFile()) throw usageError('ca/no-public-key', `${path} is not a regular file`, { hint: 'give a .pub file' });
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(LONGEST), 0, LONGEST, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw usageError('ca/no-public-key', `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, { cause: error, hint: 'give a .pub file' });
  }
}
