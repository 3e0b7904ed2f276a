import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import ssh2 from 'ssh2';
import { AppError, usageError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { decodePublicKey, parsePublicKeyLine, samePublicKey, type PublicKey } from '../wire/public-key.ts';
import { WireReader } from '../wire/reader.ts';
import { signData, verifySignature } from '../wire/signature.ts';
import { MOST_ROUNDS, openSshBody, readKeyHeader } from './key-header.ts';
import { publicKeyOf } from './key-object.ts';

/** A private key in memory, seen only through what it can do. */
export interface LocalKey {
  readonly publicKey: PublicKey;
  /** Gives an SSH signature blob; RSA with rsa-sha2-512. */
  sign(data: Uint8Array): Uint8Array;
}

const MAX_KEY_FILE = 64 * 1024;
const TRIAL = Uint8Array.of(0);
const WHOLE = /^-----BEGIN OPENSSH PRIVATE KEY-----\r?\n[A-Za-z0-9+/\s]+={0,2}\r?\n-----END OPENSSH PRIVATE KEY-----/;
// OpenSSH's own construction, which ssh2 takes for that of TLS
const CHACHA = 'chacha20-poly1305@openssh.com';

// Deriving a key from a passphrase takes a quarter of a second in which nothing else runs: once is enough for a fleet.
// What was opened is kept exactly as long as the passphrase itself.
const opened = new WeakMap<Secret<string>, Map<string, LocalKey>>();

/**
 * Reads a private key file, as careful as `ssh` about who else can read it. `PATH.pub` and `PATH-cert.pub` stand for it.
 * @throws AppError `ssh/key-unreadable`, `ssh/key-permissions`, `ssh/key-passphrase-needed`, `ssh/key-passphrase-wrong`,
 *   `ssh/key-cipher`, `ssh/key-not-in-agent` where only the public half is there
 */
export async function loadKeyFile(path: string, passphrase?: Secret<string>): Promise<LocalKey> {
  const file = privatePathOf(path);
  if (!existsSync(file) && existsSync(`${file}.pub`)) {
    throw usageError('ssh/key-not-in-agent', `there is no private key to ${file}.pub, and no ssh-agent holds it`, {
      hint: 'load it with ssh-add (`ssh-add -l` shows what is there), or connect the hardware that has it',
    });
  }
  return parsePrivateKey(await readPrivate(file), file, passphrase);
}

/** The private key file that a path means: itself, or without `.pub` or `-cert.pub`. */
export function privatePathOf(path: string): string {
  return path.replace(/(?:-cert)?\.pub$/, '');
}

/** Whether a private key file wants a passphrase. False for what cannot be read. */
export async function isEncryptedKeyFile(path: string): Promise<boolean> {
  return isEncrypted(await readFile(privatePathOf(path), 'utf8').catch(() => ''));
}

/**
 * Reads private key text: OpenSSH's own format, PKCS#8, PKCS#1 or SEC1 in PEM. `where` names it in messages.
 * @throws AppError as {@link loadKeyFile}, except `ssh/key-permissions` and `ssh/key-not-in-agent`
 */
export function parsePrivateKey(text: string, where: string, passphrase?: Secret<string>): LocalKey {
  const encrypted = isEncrypted(text);
  const header = encrypted ? readKeyHeader(text) : undefined;
  if (header !== undefined && header.rounds > MOST_ROUNDS) {
    throw usageError('ssh/key-unreadable', `the private key ${where} asks for ${header.rounds} rounds of key derivation, and ensign makes at most ${MOST_ROUNDS}`, {
      hint: `load it into an ssh-agent with ssh-add, or set fewer: ssh-keygen -p -a 100 -f ${where}`,
    });
  }
  if (header?.cipher === CHACHA) {
    throw usageError('ssh/key-cipher', `the private key ${where} is encrypted with ${CHACHA}, which ensign does not decrypt`, {
      hint: `load it into an ssh-agent with ssh-add, or encrypt it in another way: ssh-keygen -p -Z aes256-ctr -f ${where}`,
    });
  }
  if (encrypted && passphrase === undefined) {
    throw usageError('ssh/key-passphrase-needed', `the private key ${where} is encrypted`, {
      hint: 'load it into an ssh-agent with ssh-add, or give its passphrase with --key-passphrase-file FILE or at a terminal',
    });
  }
  try {
    return encrypted && passphrase !== undefined ? unlock(text, passphrase) : readKey(text);
  } catch (cause) {
    if (encrypted) {
      throw usageError('ssh/key-passphrase-wrong', `the passphrase does not open the private key ${where}`, { cause, hint: 'give the right one' });
    }
    throw usageError('ssh/key-unreadable', `${where} is not a private key that ensign can use`, {
      cause,
      hint: 'Ed25519, ECDSA and RSA keys in OpenSSH or PEM form are read; keys on hardware are used through an ssh-agent',
    });
  }
}

/**
 * The public half of a private key file, as far as it can be known without a passphrase: from `PATH.pub`, or from the
 * file itself in OpenSSH's format. Undefined otherwise; never an error.
 */
export async function readPublicHalf(path: string): Promise<PublicKey | undefined> {
  const file = privatePathOf(path);
  try {
    return parsePublicKeyLine(await readFile(`${file}.pub`, 'utf8')).key;
  } catch {
    return publicHalfOf(await readFile(file, 'utf8').catch(() => ''));
  }
}

function publicHalfOf(text: string): PublicKey | undefined {
  try {
    const reader = new WireReader(openSshBody(text) ?? new Uint8Array());
    reader.string(); // cipher
    reader.string(); // key derivation
    reader.string(); // and its options
    reader.uint32(); // number of keys
    return decodePublicKey(reader.string());
  } catch {
    return undefined;
  }
}

async function readPrivate(path: string): Promise<string> {
  try {
    const { mode, uid, size } = await stat(path);
    // the same rule as in ssh(1): others' files are their own business, ours must be closed
    if (uid === process.getuid?.() && (mode & 0o077) !== 0) {
      throw usageError('ssh/key-permissions', `the private key ${path} can be read by others (mode ${(mode & 0o777).toString(8)})`, {
        hint: `chmod 600 ${path}`,
      });
    }
    if (size > MAX_KEY_FILE) throw usageError('ssh/key-unreadable', `${path} is too large for a private key`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw usageError('ssh/key-unreadable', `the private key ${path} cannot be read (${reason})`, { cause, hint: 'check the path and its mode' });
  }
}

function isOpenSshFormat(text: string): boolean {
  return text.trimStart().startsWith('-----BEGIN OPENSSH PRIVATE KEY-----');
}

function isEncrypted(text: string): boolean {
  if (!isOpenSshFormat(text)) return /^(-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED)/m.test(text);
  const none = Buffer.from('\0\0\0\x04none', 'latin1');
  const cipher = openSshBody(text);
  return cipher !== undefined && !cipher.subarray(0, none.length).equals(none);
}

function unlock(text: string, passphrase: Secret<string>): LocalKey {
  const keys = opened.get(passphrase) ?? new Map<string, LocalKey>();
  opened.set(passphrase, keys);
  const key = keys.get(text) ?? readKey(text, passphrase.reveal());
  keys.set(text, key);
  return key;
}

function readKey(text: string, passphrase?: string): LocalKey {
  const [privateKey, publicKey] = isOpenSshFormat(text) ? readOpenSsh(text, passphrase) : readPem(text, passphrase);
  const key: LocalKey = { publicKey, sign: (data) => signData(publicKey, privateKey, data) };
  // a damaged file may hold halves of two keys, or numbers of RSA that do not belong together: nobody else would notice
  if (!verifySignature(publicKey, TRIAL, key.sign(TRIAL))) throw new Error('the private and the public half are not of one key');
  return key;
}

function readOpenSsh(text: string, passphrase: string | undefined): [KeyObject, PublicKey] {
  // ssh2 skips what is no base64, which ssh does not
  if (!WHOLE.test(text)) throw new Error('the armour of the key is damaged');
  const parsed = ssh2.utils.parseKey(text, passphrase);
  // an array where the file holds several keys, whatever the types say
  const key = (Array.isArray(parsed) ? parsed[0] : parsed) as typeof parsed;
  if (key instanceof Error) throw key;
  const publicKey = decodePublicKey(key.getPublicSSH());
  // it also stands in clear in front, where ssh2 does not look: ssh refuses a file in which that half is damaged
  const inClear = publicHalfOf(text);
  if (inClear === undefined || !samePublicKey(inClear, publicKey)) throw new Error('the public half in front is damaged');
  return [createPrivateKey(key.getPrivatePEM()), publicKey];
}

function readPem(text: string, passphrase: string | undefined): [KeyObject, PublicKey] {
  const key = createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
  return [key, publicKeyOf(createPublicKey(key))];
}
