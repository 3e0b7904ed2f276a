import { parseDuration } from '../base/duration.ts';
import { contactOf, expandHome } from './contact.ts';
import type { JumpHost } from './host.ts';
import type { JumpEntry } from './jump-entry.ts';
import type { Context, HostDraft } from './resolve.ts';
import type { Path } from './yaml-source.ts';

/** A way over more hosts than this is a mistake. */
const LONGEST = 8;

interface Hop {
  readonly jump: JumpHost;
  /** The host of the inventory that is meant, which may need jump hosts itself. */
  readonly target: HostDraft | undefined;
}

/**
 * Looks up jump hosts in the inventory, and puts in front of them those that the first one needs itself. A host that
 * stands in a list it was given by a group or by defaults is reached by the jump hosts before it.
 */
export function resolveJumps(drafts: readonly HostDraft[], shortNames: ReadonlyMap<string, HostDraft>, context: Context): (readonly JumpHost[])[] {
  if (drafts.every(({ jump }) => jump.length === 0)) return drafts.map(() => []);
  const named = new Map(shortNames);
  for (const draft of drafts) for (const name of draft.host.names) named.set(name, draft);
  const paths = pathsOfLists(drafts, context);
  const hopsOf = memo((list: readonly JumpEntry[]): readonly Hop[] =>
    list.map((entry, i) => {
      const target = named.get(entry.address);
      return { target, jump: jumpHost(entry, target?.host, pathOfEntry(context, paths.get(list) ?? [], i), context) };
    }),
  );

  const refused = new Set<readonly JumpEntry[]>();
  const refuse = (draft: HostDraft, code: string, message: string, hint: string): readonly JumpHost[] => {
    // one list in defaults is one mistake, however many hosts have it
    if (refused.size === refused.add(draft.jump).size) return [];
    context.problems.add({ code, message, hint }, context.source.locate(paths.get(draft.jump) ?? draft.path));
    return [];
  };
  const circle = (way: readonly string[], draft: HostDraft): readonly JumpHost[] =>
    refuse(draft, 'inventory/jump-loop', `the way goes in a circle: ${way.join(' through ')}`, `write "jump: none" at the one of them that is reached straight`);

  const ways = new Map<HostDraft, readonly JumpHost[]>();
  const wayTo = (draft: HostDraft, onTheWay: readonly HostDraft[]): readonly JumpHost[] => {
    const known = ways.get(draft);
    if (known !== undefined) return known;
    const way = findWay(draft, onTheWay);
    ways.set(draft, way);
    return way;
  };
  const findWay = (draft: HostDraft, onTheWay: readonly HostDraft[]): readonly JumpHost[] => {
    const all = hopsOf(draft.jump);
    const self = all.findIndex(({ target }) => target === draft);
    if (self >= 0 && draft.ownJump) return circle([draft.host.name, draft.host.name], draft);
    const hops = self < 0 ? all : all.slice(0, self);
    const first = hops[0]?.target;
    if (first === undefined) return checked(draft, self < 0 ? straight(all) : hops.map(({ jump }) => jump));
    const asked = [...onTheWay, draft];
    const start = asked.indexOf(first);
    if (start >= 0) return circle([...asked.slice(start), first].map(({ host }) => host.name), draft);
    if (asked.length > LONGEST) return tooLong(draft);
    const before = wayTo(first, asked);
    return checked(draft, self < 0 ? after(all, before) : [...before, ...hops.map(({ jump }) => jump)]);
  };
  // hosts under one setting share one list
  const straight = memo((hops: readonly Hop[]) => hops.map(({ jump }) => jump));
  const after = memo((hops: readonly Hop[], before: readonly JumpHost[]) => [...before, ...straight(hops)]);

  const tooLong = (draft: HostDraft): readonly JumpHost[] =>
    refuse(draft, 'inventory/jump-too-long', `the way to ${draft.host.name} leads over more than ${LONGEST} jump hosts`, 'a jump host of this inventory brings its own jump hosts along: leave them out of the list');
  const checked = (draft: HostDraft, way: readonly JumpHost[]): readonly JumpHost[] => {
    if (way.length > LONGEST) return tooLong(draft);
    if (!meetsAgain(way) && !way.some(({ address, port }) => address === draft.host.address && port === draft.host.port)) return way;
    const stops = [...way, draft.host];
    const places = stops.map(({ address, port }) => `${address} ${port}`);
    const again = places.findIndex((place, i) => places.indexOf(place) < i);
    return circle(stops.slice(places.indexOf(places[again] ?? ''), again + 1).map(({ name }) => name).toReversed(), draft);
  };
  const meetsAgain = memo((way: readonly JumpHost[]) => new Set(way.map(({ address, port }) => `${address} ${port}`)).size < way.length);
  return drafts.map((draft) => (draft.jump.length === 0 ? [] : wayTo(draft, [])));
}

function jumpHost(entry: JumpEntry, target: HostDraft['host'] | undefined, path: Path, { home, problems, source }: Context): JumpHost {
  const pinned = entry.firstContact === undefined || entry.firstContact === 'pinned' ? target?.hostKey : undefined;
  // that the host itself lacks a key to pin is told there
  const wider = target?.firstContact === 'pinned' ? undefined : target?.firstContact;
  const { problem, ...contact } = contactOf({ hostKey: entry.hostKey ?? pinned, own: entry.firstContact, wider });
  if (problem !== undefined) problems.add(problem, source.locate(problem.key === undefined ? path : [...path, problem.key]));
  return {
    name: target?.name ?? entry.address,
    address: target?.address ?? entry.address,
    port: entry.port ?? target?.port ?? 22,
    user: entry.user ?? target?.user,
    identityFile: expandHome(entry.identityFile, home, source.locate([...path, 'identityFile']), (one, at) => problems.add(one, at)) ?? target?.identityFile,
    agent: entry.agent ?? target?.agent ?? true,
    ...contact,
    connectTimeout: entry.connectTimeout === undefined ? target?.connectTimeout : parseDuration(entry.connectTimeout),
  };
}

/** Where the file says each list: the values of a setting are the same object in every host that has it. */
function pathsOfLists(drafts: readonly HostDraft[], { file }: Context): Map<readonly JumpEntry[], Path> {
  const paths = new Map<readonly JumpEntry[], Path>();
  if (file.defaults?.jump !== undefined) paths.set(file.defaults.jump, ['defaults', 'jump']);
  for (const [name, group] of Object.entries(file.groups ?? {})) if (group?.jump !== undefined) paths.set(group.jump, ['groups', name, 'jump']);
  for (const { jump, ownJump, path } of drafts) if (ownJump) paths.set(jump, [...path, 'jump']);
  return paths;
}

/** A single jump host is written without a list around it. */
function pathOfEntry({ source }: Context, list: Path, i: number): Path {
  let here: unknown = source.value;
  for (const step of list) here = (here as Record<string | number, unknown> | undefined)?.[step];
  return Array.isArray(here) ? [...list, i] : list;
}

function memo<Key extends object, Rest extends readonly unknown[], Value>(make: (key: Key, ...rest: Rest) => Value): (key: Key, ...rest: Rest) => Value {
  const made = new Map<Key, Value>();
  return (key, ...rest) => {
    let value = made.get(key);
    if (value === undefined) made.set(key, (value = make(key, ...rest)));
    return value;
  };
}
