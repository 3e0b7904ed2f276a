import { createPrivateKey, randomBytes, sign as rawSign, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { Secret } from '../src/base/secret.ts';
import { systemClock } from '../src/base/clock.ts';
import type { Ca, CertificateRequest } from '../src/ca/ca.ts';
import { createCa } from '../src/ca/create.ts';
import { openCa } from '../src/ca/open.ts';
import { DEFAULT_PROFILES } from '../src/ca/profile.ts';
import { redeem } from '../src/ca/ticket.ts';
import { completeCertificate, encodeToBeSigned, formatCertificateBlob } from '../src/wire/certificate.ts';
import type { PublicKey } from '../src/wire/public-key.ts';
import { signData } from '../src/wire/signature.ts';
import { inTurns, median, milliseconds, perSecond, processorMilliseconds, ratios, rounded, type Bench, type Size } from './measure.ts';

const BULK = 10; // turns' worth of certificates in one transaction

/**
 * How fast certificates are made: prepared, linted, encoded and signed (Ed25519) up to the line of the file, against
 * bare signatures of node:crypto with the same key over as many bytes; both on one thread, a second being one of
 * processor time. And how many come from the authority as everybody uses it, by the clock on the wall: the same, every
 * signature verified, serial and ledger written and synced in bulk.
 */
export const signBench: Bench = {
  // short turns, many of them: a busy machine then disturbs single rounds and not the median
  sizes: { full: { rounds: 201, count: 200 }, small: { rounds: 1, count: 20 } },
  async run(size) {
    const folder = mkdtempSync(join(tmpdir(), 'ensign-bench-'));
    try {
      const directory = join(folder, 'ca');
      const passphrase = new Secret(randomBytes(16).toString('hex'));
      await createCa({ directory, organization: 'bench', clock: systemClock, keys: { from: 'new', type: 'ed25519', passphrase } });
      const ca = await openCa({ directory, profiles: DEFAULT_PROFILES, clock: systemClock, random: randomBytes, passphrase });
      try {
        return { ...(await measureMaking(ca, privateKeyIn(directory, passphrase), size)), ...(await measureStoring(ca, size)) };
      } finally {
        await ca.close();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measureMaking(ca: Ca, privateKey: KeyObject, { rounds, count }: Size): Promise<Record<string, number>> {
  const requests = Array.from({ length: count }, (_, i) => request(i));
  let bytes: Uint8Array = new Uint8Array();
  const ours = (): Promise<number> =>
    processorMilliseconds(() => {
      for (const one of requests) {
        const { fields } = redeem(ca.lint(ca.prepare(one)));
        bytes = encodeToBeSigned(fields);
        const signature = signData(fields.signatureKey, privateKey, bytes);
        formatCertificateBlob(fields.subject, completeCertificate(bytes, signature), fields.keyId);
      }
    });
  const peer = (): Promise<number> =>
    processorMilliseconds(() => {
      for (let i = 0; i < count; i += 1) rawSign(null, bytes, privateKey);
    });
  const { ours: made, peer: raw } = await inTurns(rounds, ours, peer);
  return { certs_per_second: perSecond(count, median(made)), raw_signs_per_second: perSecond(count, median(raw)), ...ratios(raw, made) };
}

async function measureStoring(ca: Ca, { rounds, count }: Size): Promise<Record<string, number>> {
  const times: number[] = [];
  const processor: number[] = [];
  for (let round = 0; round < Math.ceil(rounds / BULK); round += 1) {
    const requests = Array.from({ length: count * BULK }, (_, i) => request(i));
    const issue = (): Promise<number> => milliseconds(() => ca.issueAll(requests.map((one) => ca.lint(ca.prepare(one)))));
    processor.push(await processorMilliseconds(async () => times.push(await issue())));
  }
  return { stored_certs_per_second: perSecond(count * BULK, median(times)), stored_cpu_us_per_cert: rounded((1000 * median(processor)) / (count * BULK), 0) };
}

function request(i: number): CertificateRequest {
  const subject: PublicKey = { kind: 'ed25519', type: 'ssh-ed25519', point: Uint8Array.from(randomBytes(32)) };
  return { profile: 'user', subject, principals: ['staging/sre'], keyId: { who: `user-${i}@example.com`, why: 'bench' } };
}

/** What the authority signs with, for both sides. */
function privateKeyIn(directory: string, passphrase: Secret<string>): KeyObject {
  const key = ssh2.utils.parseKey(readFileSync(join(directory, 'user_ca')), passphrase.reveal());
  if (key instanceof Error) throw key;
  return createPrivateKey(key.getPrivatePEM());
}
