import { createHash } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import { completeCertificate, encodeToBeSigned, formatCertificateBlob } from '../wire/certificate.ts';
import { fingerprint } from '../wire/public-key.ts';
import type { Verifier } from '../wire/signature.ts';
import type { Signer } from './authority.ts';
import type { IssuedCertificate } from './ca.ts';
import type { Candidate } from './candidate.ts';
import { conflictsIn, keyClaims, nameClaims, takenError } from './claims.ts';
import { appendToLedger, type LedgerEvent } from './ledger.ts';
import type { StoreWriter } from './store.ts';

/** A signature that is being verified. Nothing is made of it before that. */
export interface PendingSignature {
  readonly candidate: Candidate;
  readonly toBeSigned: Uint8Array;
  readonly signature: Uint8Array;
  readonly verified: Promise<boolean>;
}

/** Signed, but known to nobody yet: it leaves only after {@link recordIssue}. */
export interface SignedCandidate extends IssuedCertificate {
  readonly candidate: Candidate;
}

/** Signs, and has the signature verified beside the main thread, where verifying takes several times as long. */
export async function signCandidate(candidate: Candidate, signer: Signer, verify: Verifier): Promise<PendingSignature> {
  const toBeSigned = encodeToBeSigned(candidate.fields);
  const signature = await signer.sign(toBeSigned);
  return { candidate, toBeSigned, signature, verified: verify(toBeSigned, signature) };
}

/** @throws AppError `ca/bad-signature` when what the signer returned does not verify */
export async function finishCertificate({ candidate, toBeSigned, signature, verified }: PendingSignature): Promise<SignedCandidate> {
  const { fields } = candidate;
  // a faulty signer (a token, an agent with another key, RSA with a flipped bit) must not send anything out
  if (!(await verified)) {
    throw new AppError('ca/bad-signature', `the signature made by the ${candidate.authority.purpose} authority does not verify`, { hint: 'nothing was issued; look at the agent or token that holds the key' });
  }
  const line = formatCertificateBlob(fields.subject, completeCertificate(toBeSigned, signature), fields.keyId);
  return { candidate, certificate: { ...fields, signature }, serial: fields.serial, line };
}

/**
 * Records signed certificates, all or none: names and keys claimed, ledger, serials.
 * @throws AppError `ca/name-taken`, `ca/key-taken`, `ca/serial-repeated`
 */
export async function recordIssue(store: StoreWriter, signer: Signer, nowMs: number, signed: readonly SignedCandidate[]): Promise<void> {
  for (const { candidate } of signed) await claim(store, candidate, Math.floor(nowMs / 1000));
  const records = await appendToLedger(store, signer, nowMs, signed.map(issueEvent));
  for (const [i, { serial, line, candidate }] of signed.entries()) {
    const seq = records[i]?.seq ?? 0;
    await store.addCertificate({ serial: serialText(serial), seq, hostId: candidate.hostId ?? null, validBefore: Number(candidate.fields.validBefore), line });
  }
}

/** A serial as the store keeps it: 16 hex digits. */
export function serialText(serial: bigint): string {
  return serial.toString(16).padStart(16, '0');
}

/** Hex SHA-256 of a certificate's line, by which a ledger record vouches for all of it. */
export function lineDigest(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

async function claim(store: StoreWriter, { hostId, fields }: Candidate, since: number): Promise<void> {
  if (hostId === undefined) return;
  const wanted = [...nameClaims(fields.principals), ...keyClaims([fields.subject])];
  const held = await store.claims(wanted);
  const [first, ...others] = conflictsIn(held, hostId);
  if (first !== undefined) throw takenError(hostId, [first, ...others]);
  const fresh = wanted.filter((w) => !held.some((h) => h.kind === w.kind && h.value === w.value));
  await store.addClaims(fresh.map(({ kind, value }) => ({ kind, value, hostId, since })));
}

function issueEvent({ candidate: { fields, authority, profile, who, why, reason, requestId, hostId }, line }: SignedCandidate): LedgerEvent {
  return {
    event: 'issue',
    data: {
      type: fields.type,
      serial: fields.serial.toString(),
      keyId: fields.keyId,
      who,
      why,
      ...(reason === undefined ? {} : { reason }),
      requestId,
      profile: profile.name,
      ...(hostId === undefined ? {} : { host: hostId }),
      principals: fields.principals,
      validAfter: isoSeconds(fields.validAfter),
      validBefore: isoSeconds(fields.validBefore),
      criticalOptions: Object.fromEntries(fields.criticalOptions.map((o) => [o.name, o.value])),
      extensions: fields.extensions.map((e) => e.name),
      subject: { type: fields.subject.type, fingerprint: fingerprint(fields.subject) },
      authority: authority.fingerprint,
      sha256: lineDigest(line),
    },
  };
}

function isoSeconds(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}
