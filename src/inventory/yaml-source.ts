import { isAlias, isPair, isScalar, isSeq, LineCounter, parseDocument, type ParsedNode, type Scalar, type YAMLMap } from 'yaml';
import type { SourceLocation } from '../base/errors.ts';
import { DEEPEST, tooDeepLine } from '../base/nesting.ts';
import { Problems, quoted } from './problem.ts';

export type Path = readonly (string | number)[];

/** A parsed file as plain values, and where in the file each of them stands. */
export interface YamlSource {
  readonly value: unknown;
  /** The place of a value, of its nearest parent when the path leads nowhere, or of the key with `'key'`. */
  locate(path: Path, what?: 'key' | 'value'): SourceLocation;
}

interface Offsets {
  readonly key: number;
  readonly value: number;
}

/**
 * Reads one YAML 1.2 document without its surprises: no merge keys, no anchors, no tags, no key twice. Mistakes of
 * syntax are thrown at once, because nothing after them can be trusted; the others go to `problems`.
 * @throws AppError `inventory/yaml` or `inventory/invalid`
 */
export function readYaml(text: string, file: string, problems: Problems): YamlSource {
  refuseDeep(text, file);
  const lines = new LineCounter();
  // the library compares every key with all keys before it; 10,000 hosts in one group want the set below instead
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: false, uniqueKeys: false, version: '1.2' });
  const at = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntax = new Problems();
  for (const error of [...document.errors, ...document.warnings]) {
    syntax.add({ code: 'inventory/yaml', message: `not YAML as expected: ${lowerFirst(error.message)}`, hint: 'quote text that has : # [ ] { } , & * ! | > or % in it' }, at(error.pos[0]));
  }
  syntax.throwIfAny(file);

  // what each value was made of; offsets are looked up for the few that somebody asks about
  const origins = new Map<object, readonly unknown[]>();
  const places = new Map<object, ReadonlyMap<string | number, Offsets>>();
  const offsetsOf = (values: object): ReadonlyMap<string | number, Offsets> => {
    let offsets = places.get(values);
    if (offsets === undefined) places.set(values, (offsets = offsetsIn(origins.get(values) ?? [], Array.isArray(values))));
    return offsets;
  };
  const convert = (node: ParsedNode | null): unknown => {
    if (node === null) return null;
    if (isAlias(node) || node.anchor !== undefined) {
      problems.add({ code: 'inventory/anchor', message: 'anchors (&) and aliases (*) are not understood here', hint: 'put what several hosts share into their group or into defaults; quote text that starts with * or &' }, at(node.range[0]));
      if (isAlias(node)) return null;
    }
    if (isScalar(node)) return node.value;
    return isSeq(node) ? sequence(node.items) : mapping(node);
  };
  const sequence = (items: readonly unknown[]): unknown[] => {
    // `[a: 1]` makes a pair of an item; the schema then says that text was expected
    const values = items.map((item) => (isPair(item) ? {} : convert(item as ParsedNode)));
    origins.set(values, items);
    return values;
  };
  const mapping = (map: YAMLMap.Parsed): object => {
    const values: Record<string, unknown> = {};
    origins.set(values, map.items);
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? keyText(key) : undefined;
      // __proto__ would vanish in a plain object instead of being refused as unknown
      if (name === undefined || name === '__proto__') {
        problems.add({ code: 'inventory/bad-key', message: 'expected a name in front of the colon', hint: 'a name that starts with [ or { wants quotes' }, at(key.range[0]));
        continue;
      }
      if (Object.hasOwn(values, name)) {
        const line = at(offsetsOf(values).get(name)?.key ?? 0).line ?? 0;
        problems.add({ code: 'inventory/duplicate-key', message: `${quoted(name)} stands here twice, first in line ${line}`, hint: 'only one of them can be meant: remove the other' }, at(key.range[0]));
        continue;
      }
      values[name] = convert(value);
    }
    return values;
  };

  const value = convert(document.contents);
  const top = document.contents?.range[0] ?? 0;
  const locate = (path: Path, what: 'key' | 'value' = 'value'): SourceLocation => {
    let here = value;
    let offset = top;
    for (const [i, step] of path.entries()) {
      const offsets = typeof here === 'object' && here !== null ? offsetsOf(here).get(step) : undefined;
      if (offsets === undefined) break;
      offset = what === 'key' && i === path.length - 1 ? offsets.key : offsets.value;
      here = (here as Record<string | number, unknown>)[step];
    }
    return at(offset);
  };
  return { value, locate };
}

/** Nothing can be said of the rest of such a file, because it must not be read. */
function refuseDeep(text: string, file: string): void {
  const line = tooDeepLine(text);
  if (line === undefined) return;
  const problems = new Problems();
  problems.add({ code: 'inventory/yaml', message: `this nests deeper than ${DEEPEST} levels`, hint: 'is a bracket not closed, or is this another kind of file?' }, { file, line, column: 1 });
  problems.throwIfAny(file);
}

/** Where the entries of a mapping or list stand, of equal keys the first. */
function offsetsIn(items: readonly unknown[], list: boolean): Map<string | number, Offsets> {
  const offsets = new Map<string | number, Offsets>();
  for (const [i, item] of items.entries()) {
    const key = isPair(item) && !list ? (item.key as ParsedNode) : undefined;
    const value = isPair(item) ? (item.value as ParsedNode | null) : (item as ParsedNode);
    const name = key === undefined ? i : isScalar(key) ? keyText(key) : undefined;
    if (name === undefined || offsets.has(name)) continue;
    const start = key?.range[0] ?? 0;
    offsets.set(name, { key: key === undefined ? (value?.range[0] ?? 0) : start, value: value?.range[0] ?? start });
  }
  return offsets;
}

/** A key as it was written: `01` is no number here. Undefined for no key at all. */
function keyText(key: Scalar.Parsed): string | undefined {
  if (key.value === null) return undefined;
  return typeof key.value === 'string' ? key.value : key.source;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
