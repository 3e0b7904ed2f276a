import { posix } from 'node:path';
import { parseDuration } from '../base/duration.ts';
import type { SourceLocation } from '../base/errors.ts';
import { suggest } from '../base/suggest.ts';
import type { Host } from './host.ts';
import { hostNameProblem } from './names.ts';
import { type Problems, quoted } from './problem.ts';
import { expandRanges, MOST_HOSTS } from './ranges.ts';
import { type GroupEntry, type HostEntry, type InventoryFile, SETTING_KEYS, type Settings } from './schema.ts';
import type { Path, YamlSource } from './yaml-source.ts';

/** A host before names were compared across the inventory. */
export interface HostDraft {
  readonly host: Omit<Host, 'shortName'>;
  /** Its entry in the file. */
  readonly path: Path;
}

interface Context {
  readonly file: InventoryFile;
  readonly source: YamlSource;
  readonly problems: Problems;
  /** Folder that `~` stands for. */
  readonly home: string | undefined;
}

type Logins = Readonly<Record<string, readonly string[]>>;

/** Expands ranges and applies defaults < groups < host to every entry. */
export function resolveHosts(context: Context): HostDraft[] {
  const { file } = context;
  const drafts: HostDraft[] = [];
  const entries = (hosts: GroupEntry['hosts'], base: Path, group: string | undefined): void => {
    for (const [pattern, entry] of Object.entries(hosts ?? {})) {
      const path = [...base, 'hosts', pattern];
      const found = resolveEntry(context, pattern, entry ?? {}, path, group);
      if (drafts.length + found.length <= MOST_HOSTS) for (const draft of found) drafts.push(draft);
      else context.problems.add({ code: 'inventory/too-many-hosts', message: `this is more than ${MOST_HOSTS} hosts`, hint: 'split the inventory' }, context.source.locate(path, 'key'));
    }
  };
  for (const [name, group] of Object.entries(file.groups ?? {})) entries(group?.hosts, ['groups', name], name);
  entries(file.hosts, [], undefined);
  return drafts;
}

function resolveEntry(context: Context, pattern: string, entry: HostEntry, path: Path, group: string | undefined): HostDraft[] {
  const { problems, source, file } = context;
  const at = source.locate(path, 'key');
  const expanded = expandRanges(pattern);
  if ('problem' in expanded) {
    problems.add(expanded.problem, at);
    return [];
  }
  if (expanded.names.length > 1 && sharesIdentity(context, pattern, entry, path)) return [];
  const groups = joinedGroups(context, entry, path, group);
  const settings = { ...file.defaults, ...fromGroups(context, groups, entry, at), ...withoutUndefined(entry) };
  const logins = new Map(Object.entries({ ...loginsFromGroups(context, groups, entry, at), ...entry.logins }));
  const contact = firstContact(context, entry, settings, path);
  const shared = {
    environment: file.environment,
    port: settings.port ?? 22,
    user: settings.user,
    identityFile: expandHome(context, settings.identityFile, at),
    agent: settings.agent ?? true,
    become: settings.become ?? 'none',
    transport: 'node-ssh' as const,
    jump: [],
    profile: 'host',
    ...contact,
    logins,
    groups,
    connectTimeout: settings.connectTimeout === undefined ? undefined : parseDuration(settings.connectTimeout),
    at,
  };
  const drafts: HostDraft[] = [];
  for (const name of expanded.names) {
    const problem = hostNameProblem(name);
    if (problem !== undefined) {
      problems.add(problem, at);
      // the other names of a range are wrong in the same way
      break;
    }
    const address = entry.address ?? name;
    const names = [...new Set([name, address, ...(entry.names ?? [])])];
    drafts.push({ host: { id: `${file.environment}/${name}`, name, address, names, ...shared }, path });
  }
  return drafts;
}

/** What belongs to one host alone cannot be given to a range. */
function sharesIdentity({ problems, source }: Context, pattern: string, entry: HostEntry, path: Path): boolean {
  const shared = (['address', 'names', 'hostKey'] as const).filter((key) => entry[key] !== undefined && entry[key].length > 0);
  for (const key of shared) {
    const message = `${key} would be the same for every host of ${quoted(pattern)}`;
    problems.add({ code: 'inventory/shared-identity', message, hint: `write the hosts that need ${key} one by one` }, source.locate([...path, key], 'key'));
  }
  return shared.length > 0;
}

function joinedGroups({ file, problems, source }: Context, entry: HostEntry, path: Path, group: string | undefined): string[] {
  const all = file.groups ?? {};
  const groups = new Set(group === undefined ? [] : [group]);
  for (const [i, name] of (entry.groups ?? []).entries()) {
    if (Object.hasOwn(all, name)) {
      groups.add(name);
      continue;
    }
    const meant = suggest(name, Object.keys(all));
    const hint = meant === undefined ? `add ${name}: under groups:` : `did you mean ${quoted(meant)}?`;
    problems.add({ code: 'inventory/unknown-group', message: `there is no group ${quoted(name)}`, hint }, source.locate([...path, 'groups', i]));
  }
  return [...groups];
}

/** Settings that the groups agree on. Where two disagree nobody can guess who was meant, so the host has to say it. */
function fromGroups({ file, problems }: Context, groups: readonly string[], entry: HostEntry, at: SourceLocation): Settings {
  const merged: Settings = {};
  const givenBy = new Map<string, string>();
  for (const name of groups) {
    const group = file.groups?.[name];
    for (const key of SETTING_KEYS) {
      const value = group?.[key];
      if (value === undefined || entry[key] !== undefined) continue;
      const earlier = givenBy.get(key);
      if (earlier !== undefined && merged[key] !== value) {
        problems.add({ code: 'inventory/group-conflict', message: `groups ${earlier} and ${name} disagree about ${key}`, hint: `write ${key}: at this host` }, at);
        continue;
      }
      Object.assign(merged, { [key]: value });
      givenBy.set(key, name);
    }
  }
  return merged;
}

function loginsFromGroups({ file, problems }: Context, groups: readonly string[], entry: HostEntry, at: SourceLocation): Logins {
  const merged: Record<string, readonly string[]> = {};
  const givenBy = new Map<string, string>();
  for (const name of groups) {
    for (const [login, principals] of Object.entries(file.groups?.[name]?.logins ?? {})) {
      if (entry.logins !== undefined && Object.hasOwn(entry.logins, login)) continue;
      const earlier = givenBy.get(login);
      if (earlier !== undefined && !sameSet(merged[login] ?? [], principals)) {
        problems.add({ code: 'inventory/group-conflict', message: `groups ${earlier} and ${name} disagree about who may log in as ${login}`, hint: `write logins: { ${login}: [...] } at this host` }, at);
        continue;
      }
      merged[login] = principals;
      givenBy.set(login, name);
    }
  }
  return merged;
}

/** A fingerprint at the host decides over wider settings; beside another policy at the same host it is a contradiction. */
function firstContact({ problems, source }: Context, entry: HostEntry, settings: Settings, path: Path): Pick<Host, 'firstContact' | 'hostKey'> {
  const { hostKey } = entry;
  if (hostKey !== undefined) {
    if (entry.firstContact !== undefined && entry.firstContact !== 'pinned') {
      const message = `hostKey pins a fingerprint, but firstContact says ${entry.firstContact}`;
      problems.add({ code: 'inventory/contradiction', message, hint: 'remove firstContact, or the hostKey' }, source.locate([...path, 'firstContact'], 'key'));
    }
    return { firstContact: 'pinned', hostKey };
  }
  if (settings.firstContact === 'pinned') {
    const message = 'firstContact is pinned, but this host has no hostKey';
    problems.add({ code: 'inventory/missing-host-key', message, hint: 'add hostKey: "SHA256:...", as "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" prints on the host' }, source.locate(path, 'key'));
  }
  return { firstContact: settings.firstContact ?? 'known-hosts', hostKey: undefined };
}

function expandHome({ home, problems }: Context, path: string | undefined, at: SourceLocation): string | undefined {
  if (path === undefined) return undefined;
  if (!path.startsWith('~/')) return posix.normalize(path);
  if (home !== undefined) return posix.join(home, path.slice(2));
  problems.add({ code: 'inventory/no-home', message: `${quoted(path)} needs a home folder, and there is none`, hint: 'write the absolute path, or set HOME' }, at);
  return undefined;
}

function withoutUndefined(entry: HostEntry): Settings {
  return Object.fromEntries(SETTING_KEYS.flatMap((key) => (entry[key] === undefined ? [] : [[key, entry[key]]])));
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item));
}
