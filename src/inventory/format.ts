import { usageError } from '../base/errors.ts';
import { commentsOf } from './comments.ts';
import { loadInventory } from './load.ts';
import { Problems } from './problem.ts';
import { YamlPrinter } from './yaml-printer.ts';
import { readYaml } from './yaml-source.ts';

/**
 * The canonical text of an inventory: two spaces a level, `{ a: 1 }` and `[a, b]` on one line where they fit and hold
 * no comment, comments behind entries aligned, at most one empty line. Nothing changes its place: every comment stays
 * between the words it stood between. The result means the same, and is its own canonical text.
 * @throws AppError what is wrong with the inventory, as `loadInventory`; `inventory/not-formattable`
 */
export function formatInventory(text: string, file: string): string {
  // paths of keys need no home here: only the text counts
  loadInventory(text, file, { home: '/' });
  const formatted = new YamlPrinter(text).print();
  // whatever YAML is still capable of: a text that would mean something else is never written
  const same = meaning(text, file) === meaning(formatted, file) && words(text) === words(formatted);
  if (same) return formatted;
  throw usageError('inventory/not-formattable', 'this YAML cannot be put into the canonical form without changing it', { at: { file }, hint: 'write it plainly, as in the examples, without directives and document marks' });
}

function meaning(text: string, file: string): string {
  return JSON.stringify(readYaml(text, file, new Problems()).value);
}

function words(text: string): string {
  return commentsOf(text).map((comment) => comment.text).join('\n');
}
