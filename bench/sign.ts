import { createPrivateKey, generateKeyPairSync, randomBytes, sign as rawSign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../src/base/secret.ts';
import { systemClock } from '../src/base/clock.ts';
import type { Ca, CertificateRequest } from '../src/ca/ca.ts';
import { createCa } from '../src/ca/create.ts';
import { openCa } from '../src/ca/open.ts';
import { DEFAULT_PROFILES } from '../src/ca/profile.ts';
import { encodeCertificate, encodeToBeSigned } from '../src/wire/certificate.ts';
import type { PublicKey } from '../src/wire/public-key.ts';
import { signData } from '../src/wire/signature.ts';
import { inTurns, median, milliseconds, rounded, type Figures } from './measure.ts';

const ROUNDS = 5;
const SIGNS = 2000;
const STORED = 2000;

/**
 * How fast certificates are made: prepared, linted, encoded and signed (Ed25519), against bare signatures of
 * node:crypto over as many bytes; and how many a second with serial, claim check and ledger written and synced in bulk.
 */
export async function benchSign(): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'ensign-bench-'));
  try {
    const directory = join(folder, 'ca');
    const passphrase = new Secret(randomBytes(16).toString('hex'));
    await createCa({ directory, organization: 'bench', clock: systemClock, keys: { from: 'new', type: 'ed25519', passphrase } });
    const ca = await openCa({ directory, profiles: DEFAULT_PROFILES, clock: systemClock, random: randomBytes, passphrase });
    try {
      return await measure(ca);
    } finally {
      await ca.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(ca: Ca): Promise<Figures> {
  const pair = generateKeyPairSync('ed25519');
  const signer = publicKeyOf(pair.publicKey.export({ format: 'jwk' }).x);
  const requests = Array.from({ length: SIGNS }, request);
  const privateKey = createPrivateKey(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }));
  let bytes: Uint8Array = new Uint8Array();
  const ours = (): Promise<number> =>
    milliseconds(() => {
      for (const one of requests) {
        const candidate = ca.prepare(one);
        ca.lint(candidate);
        const fields = { ...candidate.fields, signatureKey: signer };
        bytes = encodeToBeSigned(fields);
        encodeCertificate(fields, signData(signer, privateKey, bytes));
      }
    });
  const peer = (): Promise<number> =>
    milliseconds(() => {
      for (let i = 0; i < SIGNS; i += 1) rawSign(null, bytes, privateKey);
    });
  const { ours: made, peer: raw } = await inTurns(ROUNDS, ours, peer);
  const stored: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const tickets = Array.from({ length: STORED }, () => ca.lint(ca.prepare(request())));
    stored.push(await milliseconds(() => ca.issueAll(tickets)));
  }
  const perSecond = (count: number, ms: number): number => Math.round(count / (ms / 1000));
  return {
    certs_per_second: perSecond(SIGNS, made),
    raw_signs_per_second: perSecond(SIGNS, raw),
    ratio: rounded(raw / made),
    stored_certs_per_second: perSecond(STORED, median(stored)),
  };
}

function request(): CertificateRequest {
  return { profile: 'user', subject: publicKeyOf(randomBytes(32).toString('base64url')), principals: ['staging/sre'], keyId: { who: 'alice@example.com', why: 'bench' } };
}

function publicKeyOf(x: string | undefined): PublicKey {
  return { kind: 'ed25519', type: 'ssh-ed25519', point: new Uint8Array(Buffer.from(x ?? '', 'base64url')) };
}
