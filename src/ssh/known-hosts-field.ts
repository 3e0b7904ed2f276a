import { createHmac } from 'node:crypto';
import { usageError } from '../base/errors.ts';
import { globMatches } from '../base/glob.ts';
import { formatPublicKeyLine, type PublicKey } from '../wire/public-key.ts';

const SHA1_BYTES = 20;
// DNS names and addresses, an IPv6 address with its zone too: no pattern, list, marker, hash or comment
const LITERAL = /^[A-Za-z0-9_:.%-]+$/;

/** The first field of a known_hosts line: whom the line is about. */
export interface HostField {
  /** The names, where the field is nothing but names; undefined for patterns and hashed names. */
  readonly literals: readonly string[] | undefined;
  /** `host` as {@link hostString} writes it. */
  matches(host: string): boolean;
}

/** How a name and port stand in known_hosts: `name` for port 22, `[name]:port` for others. Lower case. */
export function hostString(name: string, port: number): string {
  const lower = name.toLowerCase();
  return port === 22 ? lower : `[${lower}]:${port}`;
}

/** Undefined for a damaged hashed name. */
export function compileHostField(field: string): HostField | undefined {
  if (field.startsWith('|')) return hashedField(field);
  const patterns = field.toLowerCase().split(',');
  if (!/[*?!]/.test(field)) return { literals: patterns, matches: (host) => patterns.includes(host) };
  return { literals: undefined, matches: (host) => listMatches(patterns, host) };
}

/**
 * A line of known_hosts for a key, without newline.
 * @throws AppError `ssh/host-name` for what could be read as more than one literal name; `wire/bad-text` for the comment
 */
export function formatKnownHostsLine(names: readonly string[], port: number, key: PublicKey, comment = ''): string {
  for (const name of names) {
    if (!LITERAL.test(name)) throw usageError('ssh/host-name', `${JSON.stringify(name)} cannot stand in known_hosts as the name of a host`, { hint: 'use a DNS name or an address, without port' });
  }
  return `${names.map((name) => hostString(name, port)).join(',')} ${formatPublicKeyLine(key, comment)}`;
}

/** match_pattern_list() of OpenSSH's match.c: one negated match and nothing in the list counts. */
function listMatches(patterns: readonly string[], host: string): boolean {
  let matched = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith('!');
    if (!globMatches(negated ? pattern.slice(1) : pattern, host)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** `|1|base64 salt|base64 HMAC-SHA1(salt, name)`, one name only. */
function hashedField(field: string): HostField | undefined {
  const match = /^\|1\|([A-Za-z0-9+/=]+)\|([A-Za-z0-9+/=]+)$/.exec(field);
  const salt = Buffer.from(match?.[1] ?? '', 'base64');
  const digest = Buffer.from(match?.[2] ?? '', 'base64');
  if (salt.length !== SHA1_BYTES || digest.length !== SHA1_BYTES) return undefined;
  // the name is no secret between us and the file, so the comparison need not take constant time
  return { literals: undefined, matches: (host) => createHmac('sha1', salt).update(host).digest().equals(digest) };
}
