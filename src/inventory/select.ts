import { usageError } from '../base/errors.ts';
import { globMatches } from '../base/glob.ts';
import { suggest } from '../base/suggest.ts';
import type { Host } from './host.ts';
import { quoted } from './problem.ts';
import { expandRanges } from './ranges.ts';

/**
 * The hosts that `--limit` means, in the order of the inventory. Terms are separated by commas and add up; each is a
 * name of a host (any of its names), a glob with `*` and `?`, a range as in the inventory, or `@group` (also a glob).
 * @throws AppError `inventory/bad-selector` for an empty term, `inventory/bad-range`, and `inventory/no-such-host` or
 *   `inventory/no-such-group` for a term that means nothing: a typing mistake must not look like a small fleet
 */
export function selectHosts(hosts: readonly Host[], pattern: string): Host[] {
  const index = indexOf(hosts);
  const chosen = new Set<Host>();
  for (const term of pattern.split(',').map((part) => part.trim())) {
    if (term === '' || term === '@') {
      throw usageError('inventory/bad-selector', `${quoted(pattern)} has an empty term`, { hint: 'expected names, globs and @groups, separated by single commas' });
    }
    const found = term.startsWith('@') ? inGroups(index, term.slice(1)) : named(index, term);
    for (const host of found) chosen.add(host);
  }
  return hosts.filter((host) => chosen.has(host));
}

interface Index {
  readonly names: ReadonlyMap<string, readonly Host[]>;
  readonly groups: ReadonlyMap<string, readonly Host[]>;
}

function indexOf(hosts: readonly Host[]): Index {
  const names = new Map<string, Host[]>();
  const groups = new Map<string, Host[]>();
  const put = (map: Map<string, Host[]>, key: string, host: Host): void => {
    const list = map.get(key);
    if (list === undefined) map.set(key, [host]);
    else list.push(host);
  };
  for (const host of hosts) {
    for (const name of host.shortName === undefined ? host.names : [...host.names, host.shortName]) put(names, name, host);
    for (const group of host.groups) put(groups, group, host);
  }
  return { names, groups };
}

function inGroups({ groups }: Index, term: string): Host[] {
  const found = matching(groups, term);
  if (found.length > 0) return found;
  throw usageError('inventory/no-such-group', `no host is in a group ${quoted(term)}`, { hint: hintFor(term, groups, 'the groups are') });
}

function named({ names }: Index, term: string): Host[] {
  // ssh does not care about upper case, so neither does a selector
  const expanded = expandRanges(term.toLowerCase());
  if ('problem' in expanded) throw usageError(expanded.problem.code, expanded.problem.message, { hint: expanded.problem.hint });
  const found = expanded.names.flatMap((name) => matching(names, name));
  if (found.length > 0) return found;
  throw usageError('inventory/no-such-host', `${quoted(term)} matches no host`, { hint: hintFor(term, names, 'the names are') });
}

function matching(map: ReadonlyMap<string, readonly Host[]>, glob: string): Host[] {
  if (!/[*?]/.test(glob)) return [...(map.get(glob) ?? [])];
  return [...map].flatMap(([key, hosts]) => (globMatches(glob, key) ? hosts : []));
}

function hintFor(term: string, known: ReadonlyMap<string, unknown>, list: string): string {
  const meant = suggest(term, known.keys());
  if (meant !== undefined) return `did you mean ${quoted(meant)}?`;
  const some = [...known.keys()].slice(0, 8);
  if (some.length === 0) return 'there are none to choose from';
  return `${list} ${some.join(', ')}${known.size > some.length ? ', ...' : ''}`;
}
