import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Secret } from '../base/secret.ts';
import { openAgentSigner } from './agent-signer-adapter.ts';
import { PURPOSES, type Authority, type Purpose, type Signer } from './authority.ts';
import type { Ca } from './ca.ts';
import { EmbeddedCa } from './embedded-ca.ts';
import { openKeyFile, readAuthority } from './key-files-adapter.ts';
import { assertPrivateFolder } from './private-file-adapter.ts';
import type { Profiles } from './profile.ts';
import { pooled } from './random-pool.ts';
import { openSqliteStore } from './sqlite-store-adapter.ts';
import type { Store } from './store.ts';

export const STORE_FILE = 'ensign.db';

export interface OpenCaOptions {
  /** The folder with user_ca, host_ca and ensign.db. */
  readonly directory: string;
  readonly profiles: Profiles;
  readonly clock: Clock;
  /** Returns that many unpredictable bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Opens the key files. Without it the keys are looked for in the agent behind `agentSocket`. */
  readonly passphrase?: Secret<string> | undefined;
  readonly agentSocket?: string | undefined;
  /** Both when absent. Unlocking a key file takes about 0.3 s. */
  readonly unlock?: readonly Purpose[] | undefined;
}

/**
 * Opens a CA for signing. The caller closes it.
 * @throws AppError `ca/missing`, `ca/unsafe-permissions`, `ca/key-mismatch`, `ca/weak-key`, `ca/wrong-passphrase`,
 *   `ca/unencrypted-key`, `ca/bad-key-file`, `ca/agent-unavailable`, `ca/agent-lacks-key`, `ca/store-damaged`
 */
export async function openCa(options: OpenCaOptions): Promise<Ca> {
  const { directory, profiles, clock, random } = options;
  await assertPrivateFolder(directory);
  const store = await openSqliteStore(join(directory, STORE_FILE));
  try {
    const authorities = await authoritiesOf(directory, store);
    const signers: Partial<Record<Purpose, Signer>> = {};
    for (const purpose of options.unlock ?? PURPOSES) signers[purpose] = await openSigner(options, authorities[purpose]);
    return new EmbeddedCa({ authorities, signers, profiles, store, clock, random: pooled(random) });
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * The public half of both authorities. Needs no passphrase.
 * @throws AppError `ca/missing`, `ca/key-mismatch`, `ca/weak-key`, `ca/store-damaged`
 */
export async function readAuthorities(directory: string): Promise<Readonly<Record<Purpose, Authority>>> {
  return withStore(directory, (store) => authoritiesOf(directory, store));
}

/** Opens the store of a CA without its keys, for reading, and closes it afterwards. */
export async function withStore<T>(directory: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore(join(directory, STORE_FILE));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function authoritiesOf(directory: string, store: Store): Promise<Readonly<Record<Purpose, Authority>>> {
  const known = await store.read((reader) => reader.authorities());
  // the store holds each fingerprint once, so that these are two keys
  return { user: await readAuthority(directory, 'user', known), host: await readAuthority(directory, 'host', known) };
}

function openSigner({ directory, passphrase, agentSocket }: OpenCaOptions, authority: Authority): Promise<Signer> {
  return passphrase === undefined ? openAgentSigner(agentSocket, authority.publicKey) : openKeyFile(directory, authority, passphrase);
}
