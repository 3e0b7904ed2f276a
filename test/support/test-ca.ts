import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import type { Authority, Purpose, Signer } from '../../src/ca/authority.ts';
import type { CertificateRequest } from '../../src/ca/ca.ts';
import { EmbeddedCa } from '../../src/ca/embedded-ca.ts';
import { appendToLedger } from '../../src/ca/ledger.ts';
import { DEFAULT_PROFILES, type Profiles } from '../../src/ca/profile.ts';
import { openSqliteStore } from '../../src/ca/sqlite-store-adapter.ts';
import type { Store } from '../../src/ca/store.ts';
import { fingerprint, type PublicKey } from '../../src/wire/public-key.ts';
import { signData } from '../../src/wire/signature.ts';

/** 2026-03-01T12:00:00Z, in seconds. */
export const NOW = 1_772_366_400;

export class TestClock implements Clock {
  seconds: number;

  constructor(seconds = NOW) {
    this.seconds = seconds;
  }

  nowMs(): number {
    return this.seconds * 1000;
  }
}

/** A CA with keys in memory, so that nobody waits for key derivation. */
export class TestCa {
  readonly directory: string;
  readonly file: string;
  readonly clock: TestClock;
  readonly signers: Readonly<Record<Purpose, Signer>> = { user: ed25519Signer(), host: ed25519Signer() };
  readonly authorities: Readonly<Record<Purpose, Authority>>;
  readonly store: Store;
  readonly ca: EmbeddedCa;

  private constructor(store: Store, file: string, directory: string, options: TestCaOptions) {
    this.directory = directory;
    this.file = file;
    this.store = store;
    this.clock = new TestClock(options.now ?? NOW);
    const createdAt = options.createdAt ?? NOW - 86_400;
    const authority = (purpose: Purpose): Authority => ({ purpose, publicKey: this.signers[purpose].publicKey, fingerprint: fingerprint(this.signers[purpose].publicKey), createdAt });
    this.authorities = { user: authority('user'), host: authority('host') };
    this.ca = new EmbeddedCa({
      authorities: this.authorities,
      signers: options.signers ?? this.signers,
      profiles: options.profiles ?? DEFAULT_PROFILES,
      store,
      clock: this.clock,
      random: options.random ?? randomBytes,
    });
  }

  static async make(options: TestCaOptions = {}): Promise<TestCa> {
    const directory = mkdtempSync(join(tmpdir(), 'ensign-ca-'));
    const file = join(directory, 'ensign.db');
    const store = await openSqliteStore(file, { create: true });
    const made = new TestCa(store, file, directory, options);
    await store.write(async (writer) => {
      for (const a of Object.values(made.authorities)) await writer.addAuthority({ purpose: a.purpose, fingerprint: a.fingerprint, createdAt: a.createdAt });
      await appendToLedger(writer, made.signers.user, made.clock.nowMs(), [{ event: 'authority-created', data: {} }]);
    });
    return made;
  }

  /** Closes the CA and removes everything. */
  async remove(): Promise<void> {
    await this.ca.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface TestCaOptions {
  readonly now?: number;
  readonly createdAt?: number;
  readonly profiles?: Profiles;
  readonly signers?: Partial<Record<Purpose, Signer>>;
  readonly random?: (length: number) => Uint8Array;
}

export function ed25519Signer(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = ed25519Key(publicKey);
  return { publicKey: key, sign: (data) => Promise.resolve(signData(key, privateKey, data)) };
}

export function ed25519Key(publicKey: KeyObject = generateKeyPairSync('ed25519').publicKey): PublicKey {
  return { kind: 'ed25519', type: 'ssh-ed25519', point: Uint8Array.from(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')) };
}

/** A request that every rule lets pass. */
export function userRequest(changes: Partial<CertificateRequest> = {}): CertificateRequest {
  return { profile: 'user', subject: ed25519Key(), principals: ['staging/sre'], keyId: { who: 'alice@example.com', why: 'login' }, ...changes };
}

/** A request that every rule lets pass. */
export function hostRequest(changes: Partial<CertificateRequest> = {}): CertificateRequest {
  return { profile: 'host', subject: ed25519Key(), principals: ['web-01.example.com'], keyId: { who: 'staging/web-01', why: 'apply' }, host: { id: 'staging/web-01' }, ...changes };
}
