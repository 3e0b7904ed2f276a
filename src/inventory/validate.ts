import type { z } from 'zod';
import { suggest } from '../base/suggest.ts';
import { type Problem, type Problems, quoted } from './problem.ts';
import { type InventoryFile, inventorySchema, KNOWN_KEYS } from './schema.ts';
import type { Path, YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

/**
 * Checks the plain values of a file against the schema. Every mistake goes to `problems`; what is wrong is left out of
 * the answer, so that the rest can be checked further. Undefined when the frame itself is broken.
 */
export function validateInventory(source: YamlSource, problems: Problems): InventoryFile | undefined {
  const first = inventorySchema.safeParse(source.value);
  if (first.success) return first.data;
  for (const issue of first.error.issues) report(issue, source, problems);
  const rest = without(source.value, first.error.issues);
  // a missing environment is reported by now, and must not hide the mistakes of the hosts
  return inventorySchema.safeParse(typeof rest === 'object' ? { version: 1, environment: 'unknown', ...rest } : rest).data;
}

function report(issue: Issue, source: YamlSource, problems: Problems): void {
  const path = issue.path as Path;
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) problems.add(unknownKey(key, path), source.locate([...path, key], 'key'));
      return;
    case 'invalid_key':
      for (const inner of issue.issues) problems.add(problemOf(inner, undefined), source.locate(path, 'key'));
      return;
    case 'invalid_union': {
      const inner = branchMeant(issue);
      if (inner !== undefined) for (const one of inner) report({ ...one, path: [...path, ...one.path] }, source, problems);
      else problems.add(problemOf(issue, valueAt(source.value, path), path), source.locate(path));
      return;
    }
    default:
      problems.add(problemOf(issue, valueAt(source.value, path), path), source.locate(path));
  }
}

/** Of several forms the one whose kind of value was written, so that the mistake inside it is told. */
function branchMeant({ errors }: Extract<Issue, { code: 'invalid_union' }>): Issue[] | undefined {
  return errors.find((issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0));
}

function problemOf(issue: Issue, found: unknown, path: Path = []): Problem {
  if (issue.code === 'custom') {
    // put there by the checks in values.ts
    const { code, hint } = issue.params as { code: string; hint: string | undefined };
    return { code, message: issue.message, hint };
  }
  if (path.length === 0) return { code: 'inventory/not-a-map', message: 'this is not an inventory', hint: 'expected version: 1, environment: NAME and groups: with hosts' };
  const key = String(path.at(-1));
  if (found === undefined) return { code: 'inventory/missing-key', message: `${quoted(key)} is missing`, hint: issue.message };
  const code = issue.code === 'invalid_type' || issue.code === 'invalid_union' ? 'inventory/wrong-type' : 'inventory/bad-value';
  return { code, message: `${quoted(key)}: found ${describe(found)}`, hint: issue.message };
}

function unknownKey(key: string, path: Path): Problem {
  const known = knownKeysAt(path);
  const meant = suggest(key, known);
  const question = meant === undefined ? '' : `did you mean ${quoted(meant)}? `;
  // what Ansible calls it, from the other end
  if (key === 'children' && known === KNOWN_KEYS.group) return { code: 'inventory/unknown-key', message: '"children" has no meaning here', hint: 'a group names the outer groups it is part of: write groups: [OUTER] at the inner one' };
  const merge = key === '<<' ? 'merge keys are not understood: put what hosts share into their group; ' : '';
  return { code: 'inventory/unknown-key', message: `${quoted(key)} has no meaning here`, hint: `${merge}${question}expected one of ${known.join(', ')}` };
}

function knownKeysAt(path: Path): readonly string[] {
  if (path.length === 0) return KNOWN_KEYS.root;
  if (settingAt(path) === 'jump') return KNOWN_KEYS.jump;
  if (path[0] === 'defaults') return KNOWN_KEYS.defaults;
  return path[0] === 'groups' && path.length === 2 ? KNOWN_KEYS.group : KNOWN_KEYS.host;
}

/** The setting that a path leads into; the names of groups and hosts on the way are no settings. */
function settingAt(path: Path): string | number | undefined {
  if (path[0] === 'defaults') return path[1];
  if (path[0] === 'hosts') return path[2];
  return path[2] === 'hosts' ? path[4] : path[2];
}

function describe(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `the text ${quoted(value)}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
  return 'keys with values';
}

function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
    here = (here as Record<string | number, unknown>)[step];
  }
  return here;
}

/** A copy without what the issues name; items of lists become undefined first, so that indexes stay true. */
function without(value: unknown, issues: readonly Issue[]): unknown {
  const copy = structuredClone(value);
  const lists = new Set<unknown[]>();
  for (const issue of issues) {
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of paths as Path[]) {
      const parent = valueAt(copy, path.slice(0, -1));
      const last = path.at(-1);
      if (typeof parent !== 'object' || parent === null || last === undefined) continue;
      if (Array.isArray(parent)) {
        parent[Number(last)] = undefined;
        lists.add(parent);
      } else {
        Reflect.deleteProperty(parent, last);
      }
    }
  }
  for (const list of lists) list.splice(0, list.length, ...list.filter((item) => item !== undefined));
  return copy;
}
