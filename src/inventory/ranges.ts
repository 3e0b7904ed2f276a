import { type Problem, quoted } from './problem.ts';

/** One pattern may stand for at most this many hosts. */
export const MOST_HOSTS = 65_536;

interface Range {
  readonly from: number;
  readonly to: number;
  /** Digits to pad to with zeros; 0 leaves numbers as they are. */
  readonly width: number;
}

/**
 * The names that a pattern stands for: `web-[01:03]` is web-01, web-02, web-03. Zeros in front are kept; several
 * ranges give every combination, the last one counting fastest. A text without brackets stands for itself.
 */
export function expandRanges(pattern: string): { readonly names: readonly string[] } | { readonly problem: Problem } {
  let names = [''];
  for (const [piece, inside] of piecesOf(pattern)) {
    if (inside === undefined) {
      if (/[[\]]/.test(piece)) return { problem: badRange(pattern, 'has a bracket without its partner') };
      names = names.map((name) => name + piece);
      continue;
    }
    const range = parseRange(inside);
    if (typeof range === 'string') return { problem: badRange(pattern, range) };
    if (names.length * (range.to - range.from + 1) > MOST_HOSTS) {
      return { problem: badRange(pattern, `stands for more than ${MOST_HOSTS} hosts`) };
    }
    const numbers = numbersOf(range);
    names = names.flatMap((name) => numbers.map((number) => name + number));
  }
  return { names };
}

/** Alternating text and `[...]` pieces; the second item is what stands between the brackets. */
function piecesOf(pattern: string): [string, string | undefined][] {
  return [...pattern.matchAll(/\[([^[\]]*)\]|(?:[^[]|\[(?![^[\]]*\]))+/g)].map((match) => [match[0], match[1]]);
}

/** The range, or what is wrong with it. */
function parseRange(inside: string): Range | string {
  const match = /^(\d{1,9}):(\d{1,9})$/.exec(inside);
  if (match === null) return `has ${quoted(`[${inside}]`)}, which is not a range`;
  const [, first = '', last = ''] = match;
  const padded = (digits: string): boolean => digits.length > 1 && digits.startsWith('0');
  if ((padded(first) || padded(last)) && first.length !== last.length) return `mixes ${first} and ${last}, expected the same number of digits`;
  const range = { from: Number(first), to: Number(last), width: padded(first) ? first.length : 0 };
  return range.from > range.to ? `counts down from ${first} to ${last}` : range;
}

function numbersOf({ from, to, width }: Range): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i).padStart(width, '0'));
}

function badRange(pattern: string, what: string): Problem {
  return { code: 'inventory/bad-range', message: `${quoted(pattern)} ${what}`, hint: 'expected a range like [1:12] or [01:12], smaller number first' };
}
