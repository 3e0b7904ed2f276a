/**
 * glob(7) as sshd's Include uses it, for one absolute path: `*` and `?` stay within a path component and do not match
 * a leading dot; `[...]` sets and `\\` are understood. Not a file system look-up. Takes at most pattern x name steps.
 */
export function matchesGlob(pattern: string, path: string): boolean {
  const patterns = pattern.split('/');
  const parts = path.split('/');
  return patterns.length === parts.length && patterns.every((p, i) => componentMatches(p, parts[i] ?? ''));
}

type Token = 'star' | ((character: string) => boolean);

function componentMatches(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !/^\\?\./.test(pattern)) return false;
  const tokens = tokensOf(pattern);
  let p = 0;
  let star = -1;
  let resume = 0;
  for (let n = 0; n < name.length; ) {
    const token = tokens[p];
    if (token === 'star') {
      star = p;
      resume = n;
      p += 1;
    } else if (token?.(name[n] ?? '') === true) {
      p += 1;
      n += 1;
    } else if (star >= 0) {
      // let the last star swallow one character more
      resume += 1;
      n = resume;
      p = star + 1;
    } else {
      return false;
    }
  }
  return tokens.slice(p).every((token) => token === 'star');
}

function tokensOf(pattern: string): Token[] {
  // an unclosed bracket, and a backslash at the end, stand for themselves
  return [...pattern.matchAll(/\*+|\?|\[([!^]?)(\]?[^\]]*)\]|\\?[^]/g)].map(([piece, not, set]) => {
    if (piece.startsWith('*')) return 'star';
    if (piece === '?') return () => true;
    if (set !== undefined) return (character) => inSet(set, character) !== (not !== '');
    const literal = piece.length > 1 ? piece.slice(1) : piece;
    return (character) => character === literal;
  });
}

/** Members and ranges; a range that counts down holds nothing. */
function inSet(set: string, character: string): boolean {
  return [...set.matchAll(/([^])-([^])|[^]/g)].some(([piece, low, high]) => (low === undefined || high === undefined ? piece === character : low <= character && character <= high));
}
