import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nowSeconds, type Clock } from '../base/clock.ts';
import { AppError, usageError } from '../base/errors.ts';
import { entryExists } from '../base/exists-adapter.ts';
import type { Secret } from '../base/secret.ts';
import { fingerprint, formatPublicKeyLine, type PublicKey } from '../wire/public-key.ts';
import { openAgentSigner } from './agent-signer-adapter.ts';
import { PURPOSES, type Authority, type Purpose, type Signer } from './authority.ts';
import { createKeyFiles, keyFile, type KeyType } from './key-files-adapter.ts';
import { authorityKeyProblem } from './key-strength.ts';
import { appendToLedger } from './ledger.ts';
import { STORE_FILE } from './open.ts';
import { makePrivateFolder, writeFileAtomically } from './private-file-adapter.ts';
import { openSqliteStore } from './sqlite-store-adapter.ts';

export interface CreateCaOptions {
  /** Must not exist; its parent must. */
  readonly directory: string;
  /** Goes into the comment of the public keys. */
  readonly organization: string;
  readonly clock: Clock;
  readonly keys:
    | { readonly from: 'new'; readonly type: KeyType; readonly passphrase: Secret<string>; readonly rounds?: number }
    | { readonly from: 'agent'; readonly socket: string | undefined; readonly user: PublicKey; readonly host: PublicKey };
}

/**
 * Makes both authorities and the store that records what they do. The folder appears complete or not at all.
 * @throws AppError `ca/exists`, `ca/missing`, `ca/weak-key`, `ca/agent-unavailable`, `ca/agent-lacks-key`
 */
export async function createCa(options: CreateCaOptions): Promise<Readonly<Record<Purpose, Authority>>> {
  const { directory } = options;
  if (await entryExists(directory)) throw usageError('ca/exists', `${directory} is there already`, { hint: 'keys are never overwritten: choose another folder' });
  const draft = `${directory}.new-${process.pid}`;
  await makePrivateFolder(draft);
  try {
    const authorities = await fill(draft, options);
    await rename(draft, directory);
    return authorities;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function fill(folder: string, options: CreateCaOptions): Promise<Readonly<Record<Purpose, Authority>>> {
  const signers = { user: await makeSigner(folder, 'user', options), host: await makeSigner(folder, 'host', options) };
  const createdAt = nowSeconds(options.clock);
  const authority = (purpose: Purpose): Authority => {
    const { publicKey } = signers[purpose];
    return { purpose, publicKey, fingerprint: fingerprint(publicKey), createdAt };
  };
  const authorities = { user: authority('user'), host: authority('host') };
  if (authorities.user.fingerprint === authorities.host.fingerprint) {
    throw usageError('ca/key-mismatch', 'the user and the host authority must be two keys', { hint: 'a host certificate could else log people in' });
  }
  const store = await openSqliteStore(join(folder, STORE_FILE), { create: true });
  try {
    await store.write(async (writer) => {
      for (const purpose of PURPOSES) await writer.addAuthority({ purpose, fingerprint: authorities[purpose].fingerprint, createdAt });
      const events = PURPOSES.map((purpose) => ({
        event: 'authority-created',
        data: { purpose, fingerprint: authorities[purpose].fingerprint, publicKey: formatPublicKeyLine(authorities[purpose].publicKey) },
      }));
      await appendToLedger(writer, signers.user, options.clock.nowMs(), events);
    });
  } finally {
    await store.close();
  }
  return authorities;
}

async function makeSigner(folder: string, purpose: Purpose, { keys, organization }: CreateCaOptions): Promise<Signer> {
  const comment = `${organization} ${purpose} CA`;
  if (keys.from === 'new') return createKeyFiles(folder, purpose, { ...keys, comment });
  const problem = authorityKeyProblem(keys[purpose]);
  if (problem !== undefined) throw new AppError('ca/weak-key', `the key for the ${purpose} authority ${problem}`, { exit: 2, hint: 'choose another key' });
  const signer = await openAgentSigner(keys.socket, keys[purpose]);
  await writeFileAtomically(`${keyFile(folder, purpose)}.pub`, `${formatPublicKeyLine(keys[purpose], comment)}\n`, 0o644);
  return signer;
}
