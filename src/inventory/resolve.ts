import { isIPv6 } from 'node:net';
import { parseDuration } from '../base/duration.ts';
import type { SourceLocation } from '../base/errors.ts';
import { contactOf, expandHome } from './contact.ts';
import { type FromGroups, Groups } from './groups.ts';
import type { Host } from './host.ts';
import type { JumpEntry } from './jump-entry.ts';
import { hostNameProblem } from './names.ts';
import { type Problems, quoted } from './problem.ts';
import { expandRanges, MOST_HOSTS } from './ranges.ts';
import { type GroupEntry, type HostEntry, type InventoryFile, SETTING_KEYS, type Settings } from './schema.ts';
import type { Path, YamlSource } from './yaml-source.ts';

/** A host before names were compared across the inventory, and jump hosts looked up in it. */
export interface HostDraft {
  readonly host: Omit<Host, 'shortName' | 'jump'>;
  /** Its entry in the file. */
  readonly path: Path;
  /** As the nearest setting says; every host under the same setting has the same list. */
  readonly jump: readonly JumpEntry[];
  /** Whether the entry itself says so, and no group. */
  readonly ownJump: boolean;
}

export interface Context {
  readonly file: InventoryFile;
  readonly source: YamlSource;
  readonly problems: Problems;
  /** Folder that `~` stands for. */
  readonly home: string | undefined;
}

const STRAIGHT: readonly JumpEntry[] = [];

/** Expands ranges and applies defaults < outer groups < inner groups < host to every entry. */
export function resolveHosts(context: Context): HostDraft[] {
  const { file, source, problems } = context;
  const groups = new Groups(file, source, problems);
  const drafts: HostDraft[] = [];
  const entries = (hosts: GroupEntry['hosts'], base: Path, group: string | undefined): void => {
    for (const [pattern, entry] of Object.entries(hosts ?? {})) {
      const path = [...base, 'hosts', pattern];
      const found = resolveEntry(context, groups, pattern, entry ?? {}, path, group);
      if (drafts.length + found.length <= MOST_HOSTS) for (const draft of found) drafts.push(draft);
      else problems.add({ code: 'inventory/too-many-hosts', message: `this is more than ${MOST_HOSTS} hosts`, hint: 'split the inventory' }, source.locate(path, 'key'));
    }
  };
  for (const [name, group] of Object.entries(file.groups ?? {})) entries(group?.hosts, ['groups', name], name);
  entries(file.hosts, [], undefined);
  return drafts;
}

function resolveEntry(context: Context, groups: Groups, pattern: string, entry: HostEntry, path: Path, group: string | undefined): HostDraft[] {
  const { problems, source, file } = context;
  const at = source.locate(path, 'key');
  const expanded = isBracketed(pattern) ? { names: [pattern] } : expandRanges(pattern);
  if ('problem' in expanded) {
    problems.add(expanded.problem, at);
    return [];
  }
  if (expanded.names.length > 1 && sharesIdentity(context, pattern, entry, path)) return [];
  const joined = groups.known(entry.groups ?? [], [...path, 'groups'], source, problems);
  const given = groups.give(group === undefined || joined.includes(group) ? joined : [group, ...joined]);
  reportConflicts(given, entry, at, problems);
  const settings = { ...file.defaults, ...given.settings, ...withoutUndefined(entry) };
  const shared = {
    environment: file.environment,
    port: settings.port ?? 22,
    user: settings.user,
    identityFile: expandHome(settings.identityFile, context.home, at, (problem, where) => problems.add(problem, where)),
    agent: settings.agent ?? true,
    become: settings.become ?? 'none',
    transport: settings.transport ?? 'node-ssh',
    profile: settings.profile ?? 'host',
    ...firstContact(context, entry, settings, path),
    logins: entry.logins === undefined ? given.loginMap : new Map(Object.entries({ ...given.logins, ...entry.logins })),
    groups: given.groups,
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
    drafts.push({ host: { id: `${file.environment}/${name}`, name, address, names, ...shared }, path, jump: settings.jump ?? STRAIGHT, ownJump: entry.jump !== undefined });
  }
  return drafts;
}

/** An IPv6 address as URLs have it, which is no range; that it is no name either is told with the names. */
function isBracketed(pattern: string): boolean {
  return isIPv6(/^\[([^\]]*)\](?::\d*)?$/.exec(pattern)?.[1] ?? '');
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

function reportConflicts({ settingConflicts, loginConflicts }: FromGroups, entry: HostEntry, at: SourceLocation, problems: Problems): void {
  for (const { groups, about } of settingConflicts.values()) {
    if (entry[about as keyof HostEntry] !== undefined) continue;
    problems.add({ code: 'inventory/group-conflict', message: `groups ${groups[0]} and ${groups[1]} disagree about ${about}`, hint: `write ${about}: at this host, or put one group into the other with groups:` }, at);
  }
  for (const { groups, about } of loginConflicts.values()) {
    if (entry.logins !== undefined && Object.hasOwn(entry.logins, about)) continue;
    problems.add({ code: 'inventory/group-conflict', message: `groups ${groups[0]} and ${groups[1]} disagree about who may log in as ${about}`, hint: `write logins: { ${about}: [...] } at this host` }, at);
  }
}

function firstContact({ problems, source }: Context, entry: HostEntry, settings: Settings, path: Path): Pick<Host, 'firstContact' | 'hostKey'> {
  const { problem, ...contact } = contactOf({ hostKey: entry.hostKey, own: entry.firstContact, wider: settings.firstContact });
  if (problem !== undefined) problems.add(problem, source.locate(problem.key === undefined ? path : [...path, problem.key], 'key'));
  return contact;
}

function withoutUndefined(entry: HostEntry): Settings {
  const settings: Settings = {};
  for (const key of SETTING_KEYS) if (entry[key] !== undefined) Object.assign(settings, { [key]: entry[key] });
  return settings;
}
