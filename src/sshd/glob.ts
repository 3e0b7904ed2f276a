/**
 * glob(7) as sshd's Include uses it, for one absolute path: `*` and `?` stay within a path component and do not match
 * a leading dot; `[...]` sets are understood. Not a file system look-up.
 */
export function matchesGlob(pattern: string, path: string): boolean {
  const patterns = pattern.split('/');
  const parts = path.split('/');
  return patterns.length === parts.length && patterns.every((p, i) => componentMatches(p, parts[i] ?? ''));
}

function componentMatches(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  // a run of stars means one, and many of them would keep the matcher busy for ever
  const source = pattern.replace(/\*+/g, '*').replace(/\[(!?)([^\]]+)\]|[*?]|[^*?[]+|\[/g, (piece, not: string | undefined, set: string | undefined) => {
    if (piece === '*') return '.*';
    if (piece === '?') return '.';
    if (set !== undefined) return `[${not === '!' ? '^' : ''}${set.replace(/[\\\]^]/g, '\\$&')}]`;
    return piece.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  });
  return new RegExp(`^${source}$`).test(name);
}
