import { nowSeconds, type Clock } from '../base/clock.ts';
import { AppError, usageError } from '../base/errors.ts';
import { fingerprint, samePublicKey, type PublicKey } from '../wire/public-key.ts';
import { verifierOf, type Verifier } from '../wire/signature.ts';
import type { Authority, Purpose, Signer } from './authority.ts';
import type { Ca, CertificateRequest, IssuedCertificate, KeyIdRequest } from './ca.ts';
import { prepareCandidate, type Candidate } from './candidate.ts';
import { findConflicts, keyClaims, nameClaims } from './claims.ts';
import { finishCertificate, recordIssue, signCandidate, type PendingSignature, type SignedCandidate } from './issue.ts';
import { appendToLedger, type LedgerEvent, type LedgerRecord } from './ledger.ts';
import type { Finding } from './lint/rule.ts';
import type { Profiles } from './profile.ts';
import type { Store } from './store.ts';
import { lintCandidate, redeem, RefusedError, type LintedCertificate } from './ticket.ts';

export interface EmbeddedCaParts {
  readonly authorities: Readonly<Record<Purpose, Authority>>;
  /** Those that are unlocked; at least one. */
  readonly signers: Readonly<Partial<Record<Purpose, Signer>>>;
  readonly profiles: Profiles;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
}

/** The CA over a store and its signers. {@link Ca} says what each method does. */
export class EmbeddedCa implements Ca {
  readonly profiles: Profiles;
  readonly #parts: EmbeddedCaParts;
  readonly #verifiers: Readonly<Record<Purpose, Verifier>>;
  /** Refusals on their way to the ledger. */
  readonly #pending = new Set<Promise<void>>();
  #failure: Error | undefined;

  constructor(parts: EmbeddedCaParts) {
    this.#parts = parts;
    this.#verifiers = { user: verifierOf(parts.authorities.user.publicKey), host: verifierOf(parts.authorities.host.publicKey) };
    this.profiles = parts.profiles;
  }

  authority(purpose: Purpose): Authority {
    return this.#parts.authorities[purpose];
  }

  prepare(request: CertificateRequest): Candidate {
    const { profiles, clock, random, authorities } = this.#parts;
    return prepareCandidate(request, { profiles, random, nowSeconds: nowSeconds(clock), authority: (purpose) => authorities[purpose] });
  }

  lint(candidate: Candidate): LintedCertificate {
    const { authorities, clock } = this.#parts;
    try {
      return lintCandidate(candidate, { nowSeconds: nowSeconds(clock), authorities: Object.values(authorities) });
    } catch (error) {
      if (error instanceof RefusedError) this.#refused(candidate, error.findings);
      throw error;
    }
  }

  async issue(ticket: LintedCertificate): Promise<IssuedCertificate> {
    const [issued] = await this.issueAll([ticket]);
    if (issued === undefined) throw new Error('one ticket gives one certificate');
    return issued;
  }

  async issueAll(tickets: readonly LintedCertificate[]): Promise<IssuedCertificate[]> {
    const candidates = tickets.map(redeem);
    const pending: PendingSignature[] = [];
    for (const candidate of candidates) {
      const { purpose } = candidate.authority;
      pending.push(await signCandidate(this.#fresh(candidate), this.#signer(purpose), this.#verifiers[purpose]));
    }
    const last = candidates.at(-1);
    if (last === undefined) return [];
    const signed: SignedCandidate[] = [];
    for (const one of pending) signed.push(await finishCertificate(one));
    try {
      await this.#parts.store.write((store) => recordIssue(store, this.#signer(last.authority.purpose), this.#parts.clock.nowMs(), signed));
    } catch (error) {
      if (error instanceof AppError && REFUSALS.includes(error.code)) for (const candidate of candidates) this.#refused(candidate, [{ rule: error.code, message: error.message }]);
      throw error;
    }
    return signed.map(({ line, certificate, serial }) => ({ line, certificate, serial }));
  }

  checkClaims(hostId: string, names: readonly string[], keys: readonly PublicKey[]): ReturnType<Ca['checkClaims']> {
    return this.#parts.store.read((store) => findConflicts(store, hostId, [...nameClaims(names), ...keyClaims(keys)]));
  }

  async forget(hostId: string, by: KeyIdRequest): ReturnType<Ca['forget']> {
    return this.#parts.store.write(async (store) => {
      const claims = await store.claimsOfHost(hostId);
      if (claims.length === 0) {
        throw usageError('ca/unknown-host', `${JSON.stringify(hostId)} holds no name and no key`, { hint: 'write environment/name as `ensign ca log` shows it' });
      }
      const of = (kind: 'name' | 'key'): string[] => claims.filter((c) => c.kind === kind).map((c) => c.value);
      const released = { names: of('name'), keys: of('key') };
      await store.removeClaimsOfHost(hostId);
      await this.#append(store, { event: 'claims-released', data: { host: hostId, ...released, who: by.who, why: by.why, ...(by.reason === undefined ? {} : { reason: by.reason }) } });
      return released;
    });
  }

  record(event: string, data: Readonly<Record<string, unknown>>): Promise<LedgerRecord> {
    return this.#parts.store.write((store) => this.#append(store, { event, data }));
  }

  async close(): Promise<void> {
    await Promise.all(this.#pending);
    await this.#parts.store.close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** A ticket is for now: what was linted under another key or ran out meanwhile is not signed any more. */
  #fresh(candidate: Candidate): Candidate {
    const { publicKey, fingerprint } = this.authority(candidate.authority.purpose);
    if (fingerprint !== candidate.authority.fingerprint || !samePublicKey(publicKey, candidate.fields.signatureKey) || candidate.fields.validBefore <= nowSeconds(this.#parts.clock)) {
      throw new AppError('ca/ticket-stale', 'this ticket is from another authority, or what it stands for is over', { hint: 'prepare and lint the request again' });
    }
    return candidate;
  }

  #signer(purpose: Purpose): Signer {
    const signer = this.#parts.signers[purpose];
    if (signer === undefined) throw new AppError('ca/locked', `the ${purpose} authority is locked`);
    return signer;
  }

  async #append(store: Parameters<Parameters<Store['write']>[0]>[0], event: LedgerEvent): Promise<LedgerRecord> {
    const signer = this.#parts.signers.user ?? this.#signer('host');
    const [record] = await appendToLedger(store, signer, this.#parts.clock.nowMs(), [event]);
    if (record === undefined) throw new Error('one event gives one record');
    return record;
  }

  #refused(candidate: Candidate, findings: readonly Finding[]): void {
    const written = this.record('refusal', refusalData(candidate, findings)).then(
      () => undefined,
      (error: unknown) => void (this.#failure ??= error instanceof Error ? error : new Error(String(error))),
    );
    this.#pending.add(written);
    void written.finally(() => this.#pending.delete(written));
  }
}

// what the store refuses because of what was asked; a full disk is no refusal
const REFUSALS: readonly string[] = ['ca/name-taken', 'ca/key-taken', 'ca/serial-repeated'];

// what was refused may be anything: its size is bounded, JSON takes care of the rest
const LONGEST = 200;
const MOST = 20;

function refusalData({ fields, profile, who, why, reason, requestId, hostId }: Candidate, findings: readonly Finding[]): Record<string, unknown> {
  const short = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
  return {
    type: fields.type,
    profile: profile.name,
    who: short(who),
    why: short(why),
    ...(reason === undefined ? {} : { reason: short(reason) }),
    requestId: short(requestId),
    ...(hostId === undefined ? {} : { host: short(hostId) }),
    principals: fields.principals.slice(0, MOST).map(short),
    subject: { type: short(fields.subject.type), fingerprint: fingerprint(fields.subject) },
    findings: findings.slice(0, MOST).map(({ rule, message }) => ({ rule, message: short(message) })),
  };
}
