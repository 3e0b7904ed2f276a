/** Deeper than anything that a person writes, and far from where the YAML library runs out of stack or memory. */
export const DEEPEST = 100;

/**
 * The first line of a YAML text that may nest deeper than {@link DEEPEST}; undefined when none does. The library recurses,
 * and some texts of a few hundred characters (`- ? - ? ...`) end the whole process, which nothing can catch: so this is asked
 * before. It counts what each level needs: a bracket, an indicator, or a column of indentation.
 */
export function tooDeepLine(text: string): number | undefined {
  let open = 0;
  // inside of brackets a comma ends whatever a colon began
  let sinceComma = 0;
  for (const [i, line] of text.split('\n').entries()) {
    const content = line.trimStart();
    if (content.startsWith('#')) continue;
    // columns of a continued flow collection mean nothing
    let depth = open > 0 ? 0 : line.length - content.length;
    for (let at = 0; at < content.length; at += 1) {
      const character = content[at];
      if (character === '[' || character === '{') open += 1;
      else if ((character === ']' || character === '}') && open > 0) open -= 1;
      if (character === ',' || open === 0) sinceComma = 0;
      else if (character === ':' && isSpace(content[at + 1])) sinceComma += 1;
      if (character === '?' || (open === 0 && (character === '-' || character === ':') && isSpace(content[at + 1]))) depth += 1;
      if (depth + open + sinceComma > DEEPEST) return i + 1;
    }
  }
  return undefined;
}

function isSpace(character: string | undefined): boolean {
  return character === undefined || character === ' ' || character === '\t' || character === '\r';
}
