import type { CertOption, CertificateFields } from '../wire/certificate.ts';
import type { Authority, Purpose } from './authority.ts';
import type { CertificateRequest } from './ca.ts';
import { formatKeyId } from './key-id.ts';
import { findProfile, type Profile, type Profiles } from './profile.ts';

/** What would be signed, and why. Nobody has looked at it yet: only lint makes something of it that can be issued. */
export interface Candidate {
  readonly profile: Profile;
  readonly authority: Authority;
  readonly fields: CertificateFields;
  readonly who: string;
  readonly why: string;
  readonly reason: string | undefined;
  readonly requestId: string;
  /** Whole seconds since 1970: what `lifetime` and `backdate` count from. */
  readonly preparedAt: number;
  /** `environment/name` of the host that a host certificate is for. */
  readonly hostId: string | undefined;
}

export interface PrepareContext {
  readonly profiles: Profiles;
  readonly authority: (purpose: Purpose) => Authority;
  readonly nowSeconds: number;
  readonly random: (length: number) => Uint8Array;
}

/**
 * Turns a request into a candidate: the profile's defaults where nothing was asked, a fresh serial and nonce.
 * It judges nothing, so that lint can report everything at once.
 * @throws AppError `ca/unknown-profile`
 */
export function prepareCandidate(request: CertificateRequest, context: PrepareContext): Candidate {
  const profile = findProfile(context.profiles, request.profile);
  const authority = context.authority(profile.type);
  const { who, why, reason } = request.keyId;
  const requestId = request.keyId.requestId ?? asBuffer(context.random(6)).toString('hex');
  const now = context.nowSeconds;
  return {
    profile,
    authority,
    fields: {
      type: profile.type,
      nonce: context.random(32),
      subject: request.subject,
      serial: randomSerial(context.random),
      keyId: formatKeyId(who, why, requestId),
      principals: [...request.principals],
      // never before the authority was made: nothing it signs can have been meant to hold then
      validAfter: BigInt(Math.max(now - profile.backdate, authority.createdAt)),
      validBefore: BigInt(now + (request.ttl ?? profile.defaultTtl)),
      criticalOptions: inOrder(request.criticalOptions ?? []),
      extensions: inOrder(request.extensions ?? profile.extensions.default.map((name) => ({ name, value: '' }))),
      signatureKey: authority.publicKey,
    },
    who,
    why,
    reason,
    requestId,
    preparedAt: now,
    hostId: request.host?.id,
  };
}

/** 64 random bits and never zero, which OpenSSH takes for "no serial" (ssh-keygen(1), KEY REVOCATION LISTS). */
function randomSerial(random: (length: number) => Uint8Array): bigint {
  const serial = asBuffer(random(8)).readBigUInt64BE();
  return serial === 0n ? randomSerial(random) : serial;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Options must stand in lexical order (PROTOCOL.certkeys, "Critical options"). */
function inOrder(options: readonly CertOption[]): CertOption[] {
  return [...options].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
