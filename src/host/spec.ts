import type { PublicKey } from '../wire/public-key.ts';
import type { Seconds } from '../base/duration.ts';

/** What should be true on a host. */
export interface TrustSpec {
  /** The keys whose user certificates the host accepts. */
  readonly userAuthorities: readonly PublicKey[];
  /** The key that signs new host certificates. */
  readonly hostAuthority: PublicKey;
  /** login -> principals, already scoped to their environment. Only these logins accept certificates. */
  readonly principals: ReadonlyMap<string, readonly string[]>;
  /** Principals of the host certificates, literal and in order. */
  readonly names: readonly string[];
  /** A clock that is off by more than this makes certificates invalid at once. */
  readonly backdate: Seconds;
}

/** Principals that stand behind a login, as its file on the host lists them. */
export function principalsText(principals: readonly string[]): string {
  return principals.map((principal) => `${principal}\n`).join('');
}

/** The share of a certificate's life after which it is issued anew. */
export const RENEW_AFTER = 2 / 3;
