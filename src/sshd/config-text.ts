import { matchesGlob } from './glob.ts';

// a block and not a trailing comment: sshd before 8.5 reads words behind a `#` as arguments
const BLOCK_BEGIN = '# BEGIN ensign (managed; keep this first)';
const BLOCK_END = '# END ensign';

/**
 * Says whether sshd reads `file` through an `Include` of its main configuration. Only an Include before the first
 * `Match` counts: inside a Match block its directives would be scoped (sshd_config(5), "Include").
 * @param text the main configuration
 * @param file absolute path of the drop-in; relative patterns are relative to /etc/ssh
 */
export function includesFile(text: string, file: string): boolean {
  for (const line of text.split('\n')) {
    const [keyword, ...args] = splitDirective(line);
    if (keyword === 'match') return false;
    if (keyword === 'include' && args.some((p) => matchesGlob(p.startsWith('/') ? p : `/etc/ssh/${p}`, file))) return true;
  }
  return false;
}

/**
 * Puts one marked block at the top of a main configuration: above every `Match`, and before anything that could set the
 * same directives first. A text that has exactly this block there already is returned as it is.
 */
export function withBlockAtTop(text: string, directives: string): string {
  const block = `${BLOCK_BEGIN}\n${directives.trimEnd()}\n${BLOCK_END}\n`;
  return text.startsWith(block) ? text : block + withoutBlock(text);
}

/** The text without the block that ensign put into it. */
export function withoutBlock(text: string): string {
  const kept: string[] = [];
  let inBlock = false;
  for (const line of text.split('\n')) {
    if (line === BLOCK_BEGIN) inBlock = true;
    if (!inBlock) kept.push(line);
    if (line === BLOCK_END) inBlock = false;
  }
  return kept.join('\n');
}

/** Keyword in lower case and its arguments; sshd allows `Key value`, `Key=value` and quotes. Empty for comments and blank lines. */
export function splitDirective(line: string): string[] {
  const trimmed = line.trim();
  if (trimmed === '' || trimmed.startsWith('#')) return [];
  const words = [...trimmed.replace(/^(\w+)\s*=\s*/, '$1 ').matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
  const comment = words.findIndex((word) => word.startsWith('#'));
  const used = comment === -1 ? words : words.slice(0, comment);
  return used.map((word, i) => (i === 0 ? word.toLowerCase() : word));
}
