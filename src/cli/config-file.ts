import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';
import { usageError, type AppError, type SourceLocation } from '../base/errors.ts';
import { DEEPEST, tooDeepLine } from '../base/nesting.ts';

/**
 * Parses YAML and checks it against a schema. Every mistake is reported with its place; the first one's place is the
 * error's `at`.
 * @throws AppError `config/syntax`, `config/invalid`
 */
export function parseConfig<T>(text: string, file: string, schema: z.ZodType<T>): T {
  const deep = tooDeepLine(text);
  if (deep !== undefined) throw usageError('config/syntax', `this nests deeper than ${DEEPEST} levels`, { at: { file, line: deep, column: 1 }, hint: 'is a bracket not closed, or is this another kind of file?' });
  const lines = new LineCounter();
  // merge keys off: `<<` is a key like any other, and then an unknown one
  const document = parseDocument(text, { lineCounter: lines, merge: false, uniqueKeys: true, prettyErrors: false });
  const place = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const syntax = document.errors[0] ?? document.warnings[0];
  if (syntax !== undefined) {
    throw usageError('config/syntax', `this is not the YAML that was meant: ${syntax.message}`, { at: place(syntax.pos[0]), hint: 'correct the file' });
  }
  const surprise = surpriseIn(document);
  if (surprise !== undefined) throw usageError('config/syntax', surprise.what, { at: place(surprise.offset), hint: 'write it out in full; quote text that starts with * & or ?' });
  const result = schema.safeParse(document.toJS());
  if (result.success) return result.data;
  const mistakes = result.error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys.map((key) => mistake([...issue.path, key], 'unknown key')) : [mistake(issue.path, issue.message)]));
  function mistake(path: readonly PropertyKey[], why: string): AppError {
    const name = path.map(String).join('.');
    return usageError('config/invalid', name === '' ? why : `${name}: ${why}`, { at: place(offsetOf(document, path)), hint: 'correct the file; `ensign init` in an empty folder writes an example of every field' });
  }
  mistakes.sort((a, b) => (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0));
  const [first] = mistakes;
  if (first !== undefined && mistakes.length === 1) throw first;
  throw usageError('config/invalid', `${mistakes.length} mistakes`, { at: { file }, details: mistakes });
}

/** What YAML can say but nobody needs here: an alias may stand for gigabytes, and a list is no name of a field. */
function surpriseIn(document: Document.Parsed): { what: string; offset: number } | undefined {
  let found: { what: string; offset: number } | undefined;
  visit(document, {
    Alias(_key, node) {
      found = { what: 'aliases (*) are not understood here', offset: node.range?.[0] ?? 0 };
      return visit.BREAK;
    },
    Pair(_key, { key }) {
      if (isScalar(key)) return undefined;
      found = { what: 'expected a name in front of the colon', offset: isNode(key) ? (key.range?.[0] ?? 0) : 0 };
      return visit.BREAK;
    },
  });
  return found;
}

// the key where there is one (that is where a person has to type), else the nearest thing around it
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    if (isMap(parent)) {
      const key = parent.items.find((item) => isScalar(item.key) && item.key.value === last)?.key;
      if (isNode(key) && key.range) return key.range[0];
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range[0] ?? 0;
}
