// Control characters, line and paragraph separators, and the invisible or direction-changing ones that make two
// names look alike or a log line lie.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** True when the text holds nothing that could break a line, a log or a reader's eye. */
export function isPlainText(text: string): boolean {
  return !UNPRINTABLE.test(text);
}

/** Foreign text (a host's answer, a comment in a key) made safe to print: unprintable characters become `\u{..}`. */
export function printable(text: string): string {
  return text.replace(new RegExp(UNPRINTABLE, 'gu'), (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** `1 host`, `3 hosts`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
