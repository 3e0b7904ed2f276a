import { AppError, EXIT, formatLocation } from '../base/errors.ts';
import { fingerprint, type PublicKey, samePublicKey } from '../wire/public-key.ts';
import { type KnownHosts, type KnownHostsEntry, revocationOf } from './known-hosts.ts';
import type { HostKeyCheck, HostKeyVerdict } from './session.ts';

export interface HostKeyPolicy {
  /** Names that the host goes by, the one that decides first: the inventory name, then the address. */
  readonly names: readonly string[];
  readonly port: number;
  readonly knownHosts: KnownHosts;
  /** `SHA256:...`; when given, no other key will do, whatever known_hosts says. */
  readonly pinned?: string | undefined;
  readonly firstContact: 'known-hosts' | 'pinned' | 'accept-new';
  /** Called once for each key that is accepted only because it is the first one seen: report it and write it down. */
  readonly onFirstContact?: ((key: PublicKey) => void) | undefined;
}

/**
 * Judges the plain host key of a connection. In this order: `@revoked` lines refuse (`ssh/host-key-revoked`); a pinned
 * fingerprint decides alone; the first name with lines in known_hosts decides, and a key that is in none of them is a
 * changed key, of whatever type, as in ssh (`ssh/host-key-changed`); a key known for the name without the port is
 * known; then accept-new accepts, and everything else is refused (`ssh/host-key-unknown`).
 */
export function hostKeyCheck(policy: HostKeyPolicy): HostKeyCheck {
  return (key) => {
    const revoked = revocationOf(policy.knownHosts, policy.names, policy.port, key);
    if (revoked !== undefined) return refused(revokedError(policy, key, revoked));
    if (policy.pinned !== undefined || policy.firstContact === 'pinned') return pinnedVerdict(policy, key);
    for (const name of policy.names) {
      const known = plainEntries(policy.knownHosts, name, policy.port);
      if (known.some((entry) => samePublicKey(entry.key, key))) return { accepted: true, how: 'known-hosts' };
      if (known.length > 0) return refused(changedError(policy, name, key, known));
    }
    if (knownWithoutPort(policy, key)) return { accepted: true, how: 'known-hosts' };
    if (policy.firstContact !== 'accept-new') return refused(unknownError(policy, key));
    policy.onFirstContact?.(key);
    return { accepted: true, how: 'first-contact' };
  };
}

/** Accepts one key that was verified before, for a second connection to the same host. */
export function sameKeyCheck(expected: PublicKey): HostKeyCheck {
  return (key) => {
    if (samePublicKey(expected, key)) return { accepted: true, how: 'same-key' };
    return refused(
      new AppError('ssh/host-key-changed', `the host showed ${describe(key)}, but ${describe(expected)} a moment ago`, {
        hint: 'another machine answers at this address now, or two do in turn: find out before trying again',
        exit: EXIT.hostsFailed,
      }),
    );
  };
}

function plainEntries(knownHosts: KnownHosts, name: string, port: number): KnownHostsEntry[] {
  return knownHosts.lookup(name, port).filter((entry) => entry.marker === 'none');
}

/** As ssh does: `name` vouches for `[name]:port` where the file has nothing about the port; it never speaks against it. */
function knownWithoutPort({ knownHosts, names, port }: HostKeyPolicy, key: PublicKey): boolean {
  return port !== 22 && names.some((name) => plainEntries(knownHosts, name, 22).some((entry) => samePublicKey(entry.key, key)));
}

function pinnedVerdict(policy: HostKeyPolicy, key: PublicKey): HostKeyVerdict {
  if (policy.pinned === fingerprint(key)) return { accepted: true, how: 'pinned' };
  if (policy.pinned === undefined) return refused(unknownError(policy, key));
  return refused(
    new AppError('ssh/host-key-changed', `${label(policy)} shows ${describe(key)}, but the inventory pins ${policy.pinned}`, {
      hint: 'compare with "ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub" on the host\'s console; only if it shows the new fingerprint, change hostKey in the inventory',
      exit: EXIT.hostsFailed,
    }),
  );
}

function changedError(policy: HostKeyPolicy, name: string, key: PublicKey, known: readonly KnownHostsEntry[]): AppError {
  const expected = known.map((entry) => `${describe(entry.key)} (${formatLocation(entry.at)})`).join(', ');
  const lines = known.map((entry) => `line ${entry.at.line} of ${entry.at.file}`).join(', ');
  return new AppError('ssh/host-key-changed', `the host key of ${label(policy)} has changed: it shows ${describe(key)}, known for ${name} is ${expected}`, {
    hint: `somebody may be in between: do not go on. If the host was set up anew, compare the fingerprint on its console, then remove ${lines}`,
    exit: EXIT.hostsFailed,
    at: known[0]?.at,
  });
}

function unknownError(policy: HostKeyPolicy, key: PublicKey): AppError {
  return new AppError('ssh/host-key-unknown', `the host key of ${label(policy)} is not known: it shows ${describe(key)}`, {
    hint: `compare it with "ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub" on the host's console, then write hostKey: "${fingerprint(key)}" at this host in the inventory; or connect once with ssh`,
    exit: EXIT.hostsFailed,
  });
}

function revokedError(policy: HostKeyPolicy, key: PublicKey, entry: KnownHostsEntry): AppError {
  return new AppError('ssh/host-key-revoked', `${label(policy)} shows ${describe(key)}, which ${formatLocation(entry.at)} revokes`, {
    hint: 'this key counts as stolen: give the host new keys ("ssh-keygen -A" after removing the old ones) and find out who uses it',
    exit: EXIT.hostsFailed,
    at: entry.at,
  });
}

function refused(error: AppError): HostKeyVerdict {
  return { accepted: false, error };
}

function label({ names, port }: HostKeyPolicy): string {
  const name = names[0] ?? 'the host';
  return port === 22 ? name : `${name} port ${port}`;
}

function describe(key: PublicKey): string {
  return `${key.type} ${fingerprint(key)}`;
}
