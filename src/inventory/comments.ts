import { Lexer } from 'yaml';

export interface Comment {
  /** Where its `#` stands. */
  readonly offset: number;
  /** From `#` on, without white space at the end. */
  readonly text: string;
  /** Nothing but white space stands in front of it on its line; then `column` is the number of these characters. */
  readonly ownLine: boolean;
  readonly column: number;
}

// what the lexer of the yaml package says beside the text itself
const MARKS = new Set(['\u0002', '\u0018', '\u001f']);
const SCALAR = '\u001f';

/** Every comment of a YAML text, in its order. A `#` within a name or quotes is none. */
export function commentsOf(text: string): Comment[] {
  const comments: Comment[] = [];
  let offset = 0;
  let scalar = false;
  for (const token of new Lexer().lex(text)) {
    if (MARKS.has(token)) {
      scalar = token === SCALAR;
      continue;
    }
    if (token.startsWith('#') && !scalar) {
      const column = offset - (text.lastIndexOf('\n', offset - 1) + 1);
      comments.push({ offset, text: token.trimEnd(), column, ownLine: text.slice(offset - column, offset).trim() === '' });
    }
    scalar = false;
    offset += token.length;
  }
  return comments;
}
