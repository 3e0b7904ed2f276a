import { createHash } from 'node:crypto';
import type { Host } from '../inventory/host.ts';

export interface ReleaseParts {
  /** Fingerprints, sorted or not: the order in which a host lists them changes nothing. */
  readonly userAuthorities: readonly string[];
  readonly hostAuthorities: readonly string[];
  /** The texts of the templates that end up on hosts. */
  readonly templates: readonly string[];
}

/**
 * A digest of everything that decides what hosts get: authorities, templates, and the shape of what is asked for.
 * The names of hosts and the environment are left out, so that staging and production can carry the same release.
 */
export function releaseDigest(parts: ReleaseParts, hosts: readonly Host[]): string {
  const logins = new Set(hosts.flatMap((host) => [...host.logins].map(([login, principals]) => `${login}: ${principals.join(' ')}`)));
  const canonical = JSON.stringify([[...parts.userAuthorities].sort(), [...parts.hostAuthorities].sort(), parts.templates, [...logins].sort()]);
  return `sha256:${createHash('sha256').update(canonical).digest('hex').slice(0, 32)}`;
}
