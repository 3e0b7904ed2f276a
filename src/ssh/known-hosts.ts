import { AppError, type SourceLocation } from '../base/errors.ts';
import { parsePublicKeyLine, type PublicKey, samePublicKey } from '../wire/public-key.ts';
import { compileHostField, type HostField, hostString } from './known-hosts-field.ts';

export type Marker = 'none' | 'cert-authority' | 'revoked';

export interface KnownHostsEntry {
  readonly marker: Marker;
  readonly key: PublicKey;
  readonly at: SourceLocation & { readonly line: number };
  readonly field: HostField;
}

/** A line that ssh skips as well, and why. */
export interface SkippedLine {
  readonly at: SourceLocation & { readonly line: number };
  readonly reason: string;
}

export interface KnownHosts {
  readonly entries: readonly KnownHostsEntry[];
  readonly skipped: readonly SkippedLine[];
  /** The entries for one name and port, in the order of the file. `*` and hashed names count; the name is lower-cased. */
  lookup(name: string, port: number): readonly KnownHostsEntry[];
}

/**
 * Reads a known_hosts file as sshd(8), section SSH_KNOWN_HOSTS FILE FORMAT, describes it and OpenSSH's hostfile.c does
 * it. A bad line is skipped, as ssh does, and named in `skipped`. `file` is the name in locations.
 */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  const entries: KnownHostsEntry[] = [];
  const skipped: SkippedLine[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.replace(/^[ \t]+/, '').replace(/\r$/, '');
    if (line === '' || line.startsWith('#')) continue;
    const at = { file, line: i + 1 };
    const parsed = parseLine(line);
    if (typeof parsed === 'string') skipped.push({ at, reason: parsed });
    else entries.push({ ...parsed, at });
  }
  return withIndex(entries, skipped);
}

/** Several files as one, as UserKnownHostsFile with several names. */
export function joinKnownHosts(files: readonly KnownHosts[]): KnownHosts {
  return withIndex(
    files.flatMap((file) => file.entries),
    files.flatMap((file) => file.skipped),
  );
}

/**
 * The authorities that `@cert-authority` lines trust for any of these names, without those that an `@revoked` line
 * takes back: revoking an authority revokes everything that it signed. As in ssh, a line without a port also counts
 * for other ports. Ask for one name at a time when a certificate is to be judged: an authority trusted for the
 * address must not vouch for the name.
 */
export function certificateAuthoritiesFor(knownHosts: KnownHosts, names: readonly string[], port: number): PublicKey[] {
  const found: PublicKey[] = [];
  for (const entry of lookupAnyPort(knownHosts, names, port)) {
    if (entry.marker !== 'cert-authority' || found.some((key) => samePublicKey(key, entry.key))) continue;
    if (revocationOf(knownHosts, names, port, entry.key) === undefined) found.push(entry.key);
  }
  return found;
}

/**
 * The `@revoked` line that takes this key back for one of the names, if there is one. Stricter than ssh: a line
 * without a port counts for every port, because a stolen key is stolen whatever port it is shown on.
 */
export function revocationOf(knownHosts: KnownHosts, names: readonly string[], port: number, key: PublicKey): KnownHostsEntry | undefined {
  return lookupAnyPort(knownHosts, names, port).find((entry) => entry.marker === 'revoked' && samePublicKey(entry.key, key));
}

function lookupAnyPort(knownHosts: KnownHosts, names: readonly string[], port: number): KnownHostsEntry[] {
  return names.flatMap((name) => [...knownHosts.lookup(name, port), ...(port === 22 ? [] : knownHosts.lookup(name, 22))]);
}

/** The parts of a line, or why it is bad. */
function parseLine(line: string): Omit<KnownHostsEntry, 'at'> | string {
  const match = /^(?:@([^ \t]*)[ \t]+)?([^ \t]+)[ \t]+([^ \t]+)[ \t]+([^ \t]+)/.exec(line);
  if (match === null) return 'expected "names type key"';
  const [, word, hosts = '', type = '', base64 = ''] = match;
  if (hosts.startsWith('@')) return word === undefined ? 'expected "@marker names type key"' : 'more than one marker';
  if (word !== undefined && word !== 'cert-authority' && word !== 'revoked') return `unknown marker @${word}`;
  const field = compileHostField(hosts);
  if (field === undefined) return 'the hashed name is damaged';
  try {
    return { marker: word ?? 'none', key: parsePublicKeyLine(`${type} ${base64}`).key, field };
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}

function withIndex(entries: readonly KnownHostsEntry[], skipped: readonly SkippedLine[]): KnownHosts {
  const byName = new Map<string, number[]>();
  const others: number[] = [];
  entries.forEach(({ field }, i) => {
    if (field.literals === undefined) others.push(i);
    for (const name of field.literals ?? []) {
      const list = byName.get(name);
      if (list === undefined) byName.set(name, [i]);
      // a name twice in one line is still one entry
      else if (list.at(-1) !== i) list.push(i);
    }
  });
  const lookup = (name: string, port: number): KnownHostsEntry[] => {
    const host = hostString(name, port);
    const found = [...(byName.get(host) ?? []), ...others.filter((i) => entries[i]?.field.matches(host))];
    return found.sort((a, b) => a - b).flatMap((i) => entries[i] ?? []);
  };
  return { entries, skipped, lookup };
}
