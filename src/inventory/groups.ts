import { suggest } from '../base/suggest.ts';
import { type Problems, quoted } from './problem.ts';
import { type GroupEntry, type InventoryFile, SETTING_KEYS, type Settings } from './schema.ts';
import type { Path, YamlSource } from './yaml-source.ts';

/** Groups within groups, more levels than anybody can follow. */
const DEEPEST = 16;

export type Logins = Readonly<Record<string, readonly string[]>>;

/** Two groups of which neither is within the other say different things. */
export interface Disagreement {
  readonly groups: readonly [string, string];
  readonly about: string;
}

/** What a set of groups gives to a host that is in them. */
export interface FromGroups {
  /** The groups themselves, then those that they are within, nearest first. */
  readonly groups: readonly string[];
  readonly settings: Settings;
  readonly logins: Logins;
  /** The same, as hosts have it that say nothing of their own. */
  readonly loginMap: ReadonlyMap<string, readonly string[]>;
  /** Setting or login -> who disagrees. The host may decide. */
  readonly settingConflicts: ReadonlyMap<string, Disagreement>;
  readonly loginConflicts: ReadonlyMap<string, Disagreement>;
}

/** The groups of a file, and which is within which. Mistakes in that go to `problems`, each once. */
export class Groups {
  readonly #entries: ReadonlyMap<string, GroupEntry | null>;
  readonly #outer = new Map<string, readonly string[]>();
  readonly #depth = new Map<string, number>();
  readonly #merged = new Map<string, FromGroups>();

  constructor(file: InventoryFile, source: YamlSource, problems: Problems) {
    this.#entries = new Map(Object.entries(file.groups ?? {}));
    for (const name of this.#entries.keys()) this.#findOuter(name, [], source, problems);
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Those of `listed` that exist; `path` is the list. */
  known(listed: readonly string[], path: Path, source: YamlSource, problems: Problems): string[] {
    return listed.filter((name, i) => {
      if (this.#entries.has(name)) return true;
      const meant = suggest(name, this.#entries.keys());
      const hint = meant === undefined ? `add ${name}: under groups:` : `did you mean ${quoted(meant)}?`;
      problems.add({ code: 'inventory/unknown-group', message: `there is no group ${quoted(name)}`, hint }, source.locate([...path, i]));
      return false;
    });
  }

  /** What these groups give. Hosts with the same groups get the same answer, made once. */
  give(direct: readonly string[]): FromGroups {
    const key = direct.join(' ');
    let merged = this.#merged.get(key);
    if (merged === undefined) this.#merged.set(key, (merged = this.#merge([...new Set([...direct, ...direct.flatMap((name) => this.#outer.get(name) ?? [])])])));
    return merged;
  }

  #findOuter(name: string, inner: readonly string[], source: YamlSource, problems: Problems): readonly string[] {
    const done = this.#outer.get(name);
    if (done !== undefined) return done;
    const path = ['groups', name, 'groups'];
    const way = [...inner, name];
    const direct = this.known(this.#entries.get(name)?.groups ?? [], path, source, problems);
    const all = new Set<string>();
    let depth = 1;
    for (const [i, outer] of direct.entries()) {
      // a mistake is told where it closes, and the rest of the file is read as if it were not there
      const refuse = (code: string, message: string, hint: string): void => problems.add({ code, message, hint }, source.locate([...path, i]));
      const start = way.indexOf(outer);
      if (start >= 0) {
        refuse('inventory/group-cycle', `groups go in a circle: ${[...way.slice(start), outer].join(' is in ')}`, 'no group is part of itself: remove one of these');
        continue;
      }
      const further = way.length < DEEPEST ? this.#findOuter(outer, way, source, problems) : [];
      const below = this.#depth.get(outer) ?? DEEPEST;
      if (below >= DEEPEST) {
        refuse('inventory/group-too-deep', `${quoted(name)} is nested more than ${DEEPEST} groups deep`, 'let inner groups name the outermost one directly');
        continue;
      }
      depth = Math.max(depth, below + 1);
      all.add(outer);
      for (const one of further) all.add(one);
    }
    this.#depth.set(name, depth);
    this.#outer.set(name, [...all]);
    return [...all];
  }

  #merge(groups: readonly string[]): FromGroups {
    const settings: Settings = {};
    const logins: Record<string, readonly string[]> = {};
    const settingConflicts = new Map<string, Disagreement>();
    const loginConflicts = new Map<string, Disagreement>();
    for (const key of SETTING_KEYS) {
      const { value, conflict } = this.#nearest(groups, key, (group) => group[key]);
      if (value !== undefined) Object.assign(settings, { [key]: value });
      if (conflict !== undefined) settingConflicts.set(key, conflict);
    }
    for (const login of new Set(groups.flatMap((name) => Object.keys(this.#entries.get(name)?.logins ?? {})))) {
      const { value, conflict } = this.#nearest(groups, login, ({ logins: all }) => (all !== undefined && Object.hasOwn(all, login) ? all[login] : undefined), (list) => [...list].sort());
      if (value !== undefined) logins[login] = value;
      if (conflict !== undefined) loginConflicts.set(login, conflict);
    }
    return { groups, settings, logins, loginMap: new Map(Object.entries(logins)), settingConflicts, loginConflicts };
  }

  /** The value of the innermost groups that have one. Where these disagree nobody can guess who was meant. */
  #nearest<T>(groups: readonly string[], about: string, valueOf: (group: GroupEntry) => T | undefined, canonical: (value: T) => unknown = (value) => value): { value?: T; conflict?: Disagreement } {
    const given = groups.flatMap((name) => {
      const entry = this.#entries.get(name) ?? undefined;
      const value = entry === undefined ? undefined : valueOf(entry);
      return value === undefined ? [] : [{ name, value }];
    });
    const beaten = new Set(given.flatMap(({ name }) => this.#outer.get(name) ?? []));
    const [first, ...others] = given.filter(({ name }) => !beaten.has(name));
    if (first === undefined) return {};
    const text = JSON.stringify(canonical(first.value));
    const other = others.find(({ value }) => JSON.stringify(canonical(value)) !== text);
    return other === undefined ? { value: first.value } : { value: first.value, conflict: { groups: [first.name, other.name], about } };
  }
}
