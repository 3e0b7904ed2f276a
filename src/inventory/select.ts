import { isIPv6 } from 'node:net';
import { usageError } from '../base/errors.ts';
import { globMatches } from '../base/glob.ts';
import { suggest } from '../base/suggest.ts';
import type { Host } from './host.ts';
import { canonicalIpv6 } from './names.ts';
import { quoted } from './problem.ts';
import { expandRanges } from './ranges.ts';

/** A range with a glob behind it is compared with every name for each of its numbers. */
const MOST_GLOBS = 1000;

/**
 * The hosts that `--limit` means, in the order of the inventory. Terms are separated by commas; each is a name of a
 * host (any of its names), a glob with `*` and `?`, a range as in the inventory, or `@group` (also a glob). As with
 * Ansible, plain terms add up, all hosts if there is none; those with `&` in front then keep only what they match, and
 * those with `!` take away what they match, wherever they stand.
 * @throws AppError `inventory/bad-selector` for an empty term, `inventory/bad-range`, `inventory/no-such-host` and
 *   `inventory/no-such-group` for a term that means nothing, also behind `!`: a typing mistake must not look like a
 *   small fleet, and not spare the wrong host; `inventory/nothing-left` when no host is in all of it
 */
export function selectHosts(hosts: readonly Host[], pattern: string): Host[] {
  const index = indexOf(hosts);
  const terms = termsOf(pattern).map(({ mark, text }) => ({ mark, found: new Set(text.startsWith('@') ? inGroups(index, text.slice(1)) : named(index, text)) }));
  const plain = terms.filter(({ mark }) => mark === '');
  const chosen = hosts.filter(
    (host) =>
      (plain.length === 0 || plain.some(({ found }) => found.has(host))) &&
      terms.every(({ mark, found }) => mark === '' || (mark === '&' ? found.has(host) : !found.has(host))),
  );
  if (chosen.length > 0) return chosen;
  throw usageError('inventory/nothing-left', `${quoted(pattern)} leaves no host`, { hint: 'each part matches some, but none is in all of it: & keeps what it matches, ! takes it away' });
}

interface Term {
  readonly mark: '' | '&' | '!';
  readonly text: string;
}

function termsOf(pattern: string): Term[] {
  return pattern.split(',').map((part): Term => {
    const [, mark = '', rest = ''] = /^\s*([&!]?)(.*)$/s.exec(part) ?? [];
    const text = rest.trim();
    const bad = (what: string, hint: string): Error => usageError('inventory/bad-selector', `${quoted(pattern)} ${what}`, { hint });
    if (text === '' || text === '@') throw bad('has an empty term', 'expected names, globs and @groups, separated by single commas');
    if (/^[&!]/.test(text)) throw bad(`has a term with ${mark}${text.charAt(0)} in front`, 'one mark is enough: & keeps only what the term matches, ! takes it away');
    if (/[&!]/.test(text)) throw bad(`has ${/[&!]/.exec(text)?.[0] ?? ''} within a term`, 'terms are separated by commas, also before & and !: "@web,&@canary,!web-03"');
    return { mark: mark as Term['mark'], text };
  });
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

function named({ names, groups }: Index, written: string): Host[] {
  // ssh does not care about upper case and spellings of addresses, so neither does a selector
  const term = addressIn(written) ?? written.toLowerCase();
  const expanded = addressIn(written) === undefined ? expandRanges(term) : { names: [term] };
  if ('problem' in expanded) throw usageError(expanded.problem.code, expanded.problem.message, { hint: expanded.problem.hint });
  if (/[*?]/.test(term) && expanded.names.length > MOST_GLOBS) {
    throw usageError('inventory/bad-selector', `${quoted(written)} is a range of ${expanded.names.length} patterns`, { hint: `a range beside * or ? may have ${MOST_GLOBS} numbers` });
  }
  const found = expanded.names.flatMap((name) => matching(names, name));
  if (found.length > 0) return found;
  throw usageError('inventory/no-such-host', `${quoted(written)} matches no host`, { hint: hintForHost(term, names, groups) });
}

/** An IPv6 address as hosts have it, with or without brackets. */
function addressIn(term: string): string | undefined {
  const address = /^\[(.*)\]$/.exec(term)?.[1] ?? term;
  return isIPv6(address) && !address.includes('%') ? canonicalIpv6(address) : undefined;
}

function matching(map: ReadonlyMap<string, readonly Host[]>, glob: string): Host[] {
  if (!/[*?]/.test(glob)) return [...(map.get(glob) ?? [])];
  return [...map].flatMap(([key, hosts]) => (globMatches(glob, key) ? hosts : []));
}

// what people bring along from Ansible
function hintForHost(term: string, names: Index['names'], groups: Index['groups']): string {
  if (groups.has(term)) return `did you mean the group ${quoted(`@${term}`)}?`;
  if (term === 'all') return 'write * for all hosts, or no --limit';
  if (term.includes(':') && !/[[\]]/.test(term)) return 'terms are separated by commas, and names have no port';
  return hintFor(term, names, 'the names are');
}

function hintFor(term: string, known: ReadonlyMap<string, unknown>, list: string): string {
  const meant = suggest(term, known.keys());
  if (meant !== undefined) return `did you mean ${quoted(meant)}?`;
  const some = [...known.keys()].slice(0, 8);
  if (some.length === 0) return 'there are none to choose from';
  return `${list} ${some.join(', ')}${known.size > some.length ? ', ...' : ''}`;
}
