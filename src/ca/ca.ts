import type { Seconds } from '../base/duration.ts';
import type { Certificate, CertOption } from '../wire/certificate.ts';
import type { PublicKey } from '../wire/public-key.ts';
import type { Authority, Purpose } from './authority.ts';
import type { Candidate } from './candidate.ts';
import type { ClaimConflict } from './claims.ts';
import type { LedgerRecord } from './ledger.ts';
import type { Profiles } from './profile.ts';
import type { LintedCertificate } from './ticket.ts';

/** Who asks, and why: both end up in the key id (see key-id.ts) and in the ledger. */
export interface KeyIdRequest {
  /** An identity without spaces: `alice@example.com`, `root@ops1`. */
  readonly who: string;
  /** One word or short phrase: `apply`, `renew`, `login`. */
  readonly why: string;
  /** Free text for the ledger alone. */
  readonly reason?: string | undefined;
  /** Ties several certificates to one request; made up when absent. */
  readonly requestId?: string | undefined;
}

export interface CertificateRequest {
  readonly profile: string;
  readonly subject: PublicKey;
  /** Literal principals, scoped to their environment (`staging/sre`) by the caller where people are concerned. */
  readonly principals: readonly string[];
  readonly keyId: KeyIdRequest;
  /** Counted from now; the profile's default when absent. */
  readonly ttl?: Seconds | undefined;
  readonly criticalOptions?: readonly CertOption[] | undefined;
  /** The profile's default when absent; an empty list for none. */
  readonly extensions?: readonly CertOption[] | undefined;
  /** Whose it is; host certificates only, and needed there. `id` is `environment/name`. */
  readonly host?: { readonly id: string } | undefined;
}

export interface IssuedCertificate {
  /** The content of a `-cert.pub` file, without the newline. */
  readonly line: string;
  readonly certificate: Certificate;
  readonly serial: bigint;
}

/** The embedded CA of one workspace. Nothing is signed that did not come through {@link Ca.lint}. */
export interface Ca {
  authority(purpose: Purpose): Authority;
  readonly profiles: Profiles;
  /** @throws AppError `ca/unknown-profile` */
  prepare(request: CertificateRequest): Candidate;
  /**
   * Looks at a candidate with every rule and returns the single-use ticket that {@link Ca.issue} takes.
   * A refusal is written to the ledger at the next issue, or at {@link Ca.close}.
   * @throws AppError `ca/refused` with all findings
   */
  lint(candidate: Candidate): LintedCertificate;
  /**
   * Signs, records and only then returns.
   * @throws AppError `ca/ticket-used`, `ca/name-taken`, `ca/key-taken`, `ca/serial-repeated`
   */
  issue(ticket: LintedCertificate): Promise<IssuedCertificate>;
  /** All or none, in one transaction, in the order given. */
  issueAll(tickets: readonly LintedCertificate[]): Promise<IssuedCertificate[]>;
  /** Which of these names and keys belong to another host than this one. Changes nothing. */
  checkClaims(hostId: string, names: readonly string[], keys: readonly PublicKey[]): Promise<ClaimConflict[]>;
  /**
   * Gives up every name and key of a host, because the machine is gone.
   * @throws AppError `ca/unknown-host`
   */
  forget(hostId: string, by: KeyIdRequest): Promise<{ readonly names: readonly string[]; readonly keys: readonly string[] }>;
  /** Adds an event of another part (`gate-override`) to the ledger. */
  record(event: string, details: Readonly<Record<string, unknown>>): Promise<LedgerRecord>;
  close(): Promise<void>;
}
