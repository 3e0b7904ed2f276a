import { matchesGlob } from './glob.ts';

// a block and not a trailing comment: sshd before 8.5 reads words behind a `#` as arguments
const BLOCK_BEGIN = '# BEGIN ensign (managed; keep this first)';
const BLOCK_END = '# END ensign';

/**
 * Says whether sshd reads `file` through an `Include` of its main configuration: `always`; `never`; or `scoped`, when an
 * Include inside a Match block names it, whatever others do (sshd_config(5), "Include").
 * @param text the main configuration
 * @param file absolute path of the drop-in; relative patterns are relative to /etc/ssh
 */
export function includeReach(text: string, file: string): 'always' | 'never' | 'scoped' {
  let inMatch = false;
  let reach: 'always' | 'never' = 'never';
  for (const line of text.split('\n')) {
    const [keyword, ...args] = splitDirective(line);
    if (keyword === 'match') inMatch = true;
    if (keyword !== 'include' || !args.some((p) => matchesGlob(p.startsWith('/') ? p : `/etc/ssh/${p}`, file))) continue;
    if (inMatch) return 'scoped';
    reach = 'always';
  }
  return reach;
}

/**
 * Puts one marked block at the top of a main configuration: above every `Match`, and before anything that could set the
 * same directives first. A text that has exactly this block there already is returned as it is, but for a newline that
 * is missing at its end.
 */
export function withBlockAtTop(text: string, directives: string): string {
  const block = `${BLOCK_BEGIN}\n${directives.trimEnd()}\n${BLOCK_END}\n`;
  const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return whole.startsWith(block) ? whole : block + withoutBlock(whole);
}

/** The text without the blocks that ensign put into it. What is not a whole block any more is the administrator's. */
export function withoutBlock(text: string): string {
  const lines = text.split('\n');
  for (;;) {
    const begin = lines.indexOf(BLOCK_BEGIN);
    const end = begin === -1 ? -1 : lines.indexOf(BLOCK_END, begin);
    if (end === -1) return lines.join('\n');
    lines.splice(begin, end - begin + 1);
  }
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
