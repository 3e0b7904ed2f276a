import { isIPv6 } from 'node:net';
import { AppError, EXIT } from '../base/errors.ts';
import { fingerprint, type PublicKey } from '../wire/public-key.ts';
import type { StoredClaim, StoreReader } from './store.ts';

/** A name or host key that another host holds. */
export interface ClaimConflict {
  readonly kind: 'name' | 'key';
  /** The name, or the key's `SHA256:` fingerprint. */
  readonly value: string;
  /** `environment/name` of the host that holds it. */
  readonly heldBy: string;
  /** Whole seconds since 1970. */
  readonly since: number;
}

export type Claim = Pick<StoredClaim, 'kind' | 'value'>;

/** One name, one key, one host: which of these belong to a host other than `hostId`, in any environment. */
export async function findConflicts(store: StoreReader, hostId: string, claims: readonly Claim[]): Promise<ClaimConflict[]> {
  return conflictsIn(await store.claims(claims), hostId);
}

/** Those of the claims that are held by another host. */
export function conflictsIn(held: readonly StoredClaim[], hostId: string): ClaimConflict[] {
  return held.filter((claim) => claim.hostId !== hostId).map(({ kind, value, hostId: heldBy, since }) => ({ kind, value, heldBy, since }));
}

export function nameClaims(names: readonly string[]): Claim[] {
  return [...new Set(names.map(canonicalName))].map((value) => ({ kind: 'name', value }));
}

export function keyClaims(keys: readonly PublicKey[]): Claim[] {
  return [...new Set(keys.map(fingerprint))].map((value) => ({ kind: 'key', value }));
}

/** `ca/name-taken` or `ca/key-taken`, naming both hosts and what to do. */
export function takenError(hostId: string, conflicts: readonly [ClaimConflict, ...ClaimConflict[]]): AppError {
  const [first] = conflicts;
  const list = conflicts.map((c) => `${c.kind === 'name' ? 'name' : 'host key'} ${c.value} belongs to ${c.heldBy}`).join('; ');
  const gone = `if ${first.heldBy} is gone, run: ensign ca forget ${first.heldBy}`;
  return new AppError(first.kind === 'name' ? 'ca/name-taken' : 'ca/key-taken', `no certificate for ${hostId}: ${list}`, {
    exit: EXIT.refused,
    hint:
      first.kind === 'name'
        ? `two hosts must not answer to one name: give one of them another; ${gone}`
        : `cloned machines share host keys: make new ones on one of them (rm /etc/ssh/ssh_host_*_key*; ssh-keygen -A); ${gone}`,
  });
}

/** One spelling for each name: DNS names without case, IPv6 addresses in the form of RFC 5952. */
function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  return isIPv6(lower) && !lower.includes('%') ? new URL(`http://[${lower}]/`).hostname.slice(1, -1) : lower;
}
