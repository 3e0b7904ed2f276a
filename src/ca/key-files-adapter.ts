import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { AppError, usageError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { fingerprint, formatPublicKeyLine, parsePublicKeyLine, type PublicKey } from '../wire/public-key.ts';
import type { Authority, Purpose, Signer } from './authority.ts';
import { authorityKeyProblem } from './key-strength.ts';
import { openLocalSigner } from './local-signer.ts';
import { assertPrivateFolder, readPrivateFile, writeFileAtomically } from './private-file-adapter.ts';
import type { StoredAuthority } from './store.ts';

/** Key types of authorities. ECDSA is for those whom FIPS binds, RSA for old verifiers; both larger than they need be. */
export const KEY_TYPES = ['ed25519', 'ecdsa-256', 'ecdsa-384', 'rsa-3072', 'rsa-4096'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

// the rounds of bcrypt that ssh-keygen uses since OpenSSH 9.4
const ROUNDS = 24;

export interface NewKey {
  readonly type: KeyType;
  readonly comment: string;
  readonly passphrase: Secret<string>;
  /** Of bcrypt; 24, which takes about 0.3 s, when absent. */
  readonly rounds?: number;
}

export function keyFile(directory: string, purpose: Purpose): string {
  return join(directory, `${purpose}_ca`);
}

/** Makes a key pair: `*_ca` encrypted with mode 0600, `*_ca.pub` with 0644. Both must not exist. Returns its signer. */
export async function createKeyFiles(directory: string, purpose: Purpose, options: NewKey): Promise<Signer> {
  const { comment, passphrase } = options;
  const file = keyFile(directory, purpose);
  const { pair, key } = await generateWhole(options);
  // a key pair that cannot be opened again must show now, and not at the first host
  const signer = openLocalSigner(pair.private, passphrase, key, file);
  await signer.sign(new Uint8Array(1));
  await reserve(file);
  await writeFileAtomically(file, pair.private.endsWith('\n') ? pair.private : `${pair.private}\n`, 0o600);
  await writeFileAtomically(`${file}.pub`, `${formatPublicKeyLine(key, comment)}\n`, 0o644);
  return signer;
}

/** @throws AppError `ca/unsafe-permissions`, `ca/missing`, and the errors of openLocalSigner */
export async function openKeyFile(directory: string, authority: Authority, passphrase: Secret<string>): Promise<Signer> {
  await assertPrivateFolder(directory);
  const file = keyFile(directory, authority.purpose);
  const text = (await readPrivateFile(file, 'CA key')).toString('latin1');
  return openLocalSigner(text, passphrase, authority.publicKey, file);
}

/**
 * Reads an authority's public key and checks it against what the store knows of it.
 * @throws AppError `ca/missing`, `ca/key-mismatch`, `ca/weak-key`
 */
export async function readAuthority(directory: string, purpose: Purpose, known: readonly StoredAuthority[]): Promise<Authority> {
  const file = `${keyFile(directory, purpose)}.pub`;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw usageError('ca/missing', `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, { hint: '`ensign init` makes a workspace; a lost .pub file comes back with: ssh-keygen -y', cause: error });
  }
  const key = readKey(text, file);
  const stored = known.find((a) => a.purpose === purpose);
  if (stored?.fingerprint !== fingerprint(key)) {
    throw usageError('ca/key-mismatch', `${file} is not the ${purpose} authority that this store belongs to`, { hint: stored === undefined ? 'restore the folder from a backup' : `it should be ${stored.fingerprint}` });
  }
  const problem = authorityKeyProblem(key);
  if (problem !== undefined) throw usageError('ca/weak-key', `the key in ${file} ${problem}`, { hint: 'make new authorities' });
  return { purpose, publicKey: key, fingerprint: stored.fingerprint, createdAt: stored.createdAt };
}

function readKey(text: string, file: string): PublicKey {
  try {
    return parsePublicKeyLine(text).key;
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    throw usageError('ca/bad-key-file', `${file} is not a public key: ${cause.message}`, { hint: 'restore it from a backup; a lost .pub file comes back with: ssh-keygen -y', cause });
  }
}

async function reserve(file: string): Promise<void> {
  for (const path of [file, `${file}.pub`]) {
    try {
      await (await open(path, 'wx', 0o600)).close();
    } catch (error) {
      throw new AppError('ca/exists', `${path} is there already`, { exit: 2, hint: 'keys are never overwritten: choose another folder', cause: error });
    }
  }
}

/**
 * ssh2 1.17 drops leading zero bytes of Ed25519 public keys, so that one pair in 256 is malformed: such a one is thrown
 * away and made again.
 */
async function generateWhole(options: NewKey): Promise<{ pair: KeyTexts; key: PublicKey }> {
  for (let attempt = 1; ; attempt++) {
    const pair = await generate(options);
    try {
      return { pair, key: parsePublicKeyLine(pair.public).key };
    } catch (error) {
      if (!(error instanceof AppError) || attempt >= 10) throw error;
    }
  }
}

interface KeyTexts {
  readonly private: string;
  readonly public: string;
}

function generate({ type, comment, passphrase, rounds = ROUNDS }: NewKey): Promise<KeyTexts> {
  const protection = { comment, passphrase: passphrase.reveal(), cipher: 'aes256-ctr', rounds };
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, pair: KeyTexts): void => {
      if (error) reject(error);
      else resolve(pair);
    };
    switch (type) {
      case 'ed25519':
        ssh2.utils.generateKeyPair('ed25519', protection, done);
        break;
      case 'ecdsa-256':
      case 'ecdsa-384':
        ssh2.utils.generateKeyPair('ecdsa', { bits: type === 'ecdsa-256' ? 256 : 384, ...protection }, done);
        break;
      case 'rsa-3072':
      case 'rsa-4096':
        ssh2.utils.generateKeyPair('rsa', { bits: type === 'rsa-3072' ? 3072 : 4096, ...protection }, done);
        break;
    }
  });
}
