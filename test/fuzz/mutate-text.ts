import { LONGEST } from './mutate-bytes.ts';
import type { Random } from './random.ts';

// what breaks lines, lists, quotes, shells and eyes
const HOSTILE = [
  '\n', '\r\n', '\r', '\t', '\0', '\u2028', '\u00a0', '\ufeff', '\u202e', '\u200b', '\ufffd', '\u{1f6a9}', '\u0435', '\u0131',
  ' ', ',', ':', ';', '#', '"', "'", '`', '\\', '$(id)', '|', '&', '*', '?', '!', '[', ']', '{', '}', '(', ')', '<', '>', '=', '@', '%', '-', '--', '..', '/', '../', '~',
  '0', '-1', '00', '1e9', '0x10', '4294967296', '18446744073709551616', '9007199254740993', '-0', 'NaN', 'Infinity', 'null', 'true', '__proto__', 'constructor', 'toString',
];
const NUMBERS = ['0', '-1', '1', '65535', '65536', '2147483648', '4294967295', '9007199254740993', '18446744073709551616', '0x7f', '1e400', '007', ''];

type Change = (text: string, random: Random, words: readonly string[], others: readonly string[]) => string;

const CHANGES: readonly Change[] = [
  (text, random, words) => inserted(text, random.below(text.length + 1), random.oneIn(2) && words.length > 0 ? random.pick(words) : random.pick(HOSTILE)),
  (text, random, words) => inserted(text, wordBorder(text, random), random.oneIn(2) && words.length > 0 ? random.pick(words) : random.pick(HOSTILE)),
  (text, random) => cut(text, ...range(text, random)),
  (text, random) => text.slice(0, random.below(text.length + 1)),
  (text, random) => changeCharacter(text, random),
  (text, random) => onLines(text, (lines, at) => lines.toSpliced(at, 1), random),
  (text, random) => onLines(text, (lines, at) => lines.toSpliced(at, 0, lines[at] ?? ''), random),
  (text, random) => onLines(text, (lines, at) => lines.toSpliced(at, 0, lines[random.below(lines.length)] ?? ''), random),
  (text, random) => onLines(text, (lines, at) => lines.toSpliced(at, 1, `${' '.repeat(random.below(9))}${lines[at]?.trimStart() ?? ''}`), random),
  // two lines become one
  (text, random) => onLines(text, (lines, at) => lines.toSpliced(at, 2, `${lines[at] ?? ''} ${lines[at + 1] ?? ''}`), random),
  (text, random) => replaceOne(text, /\d+/g, random, () => random.pick(NUMBERS)),
  (text, random, words) => (words.length === 0 ? text : replaceOne(text, /[A-Za-z_@.-]{2,}/g, random, () => random.pick(words))),
  (text, random) => replaceOne(text, /[A-Za-z]+/g, random, (word) => (random.oneIn(2) ? word.toUpperCase() : `${word}${word}`)),
  (text, random) => {
    // many times over: brackets 5,000 deep, a line of 60,000 characters
    const [at, count] = range(text, random);
    const piece = random.oneIn(2) ? text.slice(at, at + Math.min(count, 40)) : random.pick(['[', '{', '- ', '? ', ': ', '{a: ', '[[', '"', '&a ', '*a ', '!', '*', 'a*', '\\', '\n ', '(', ...HOSTILE]);
    return inserted(text, at, piece.repeat(Math.min(1 + random.size(8000), Math.floor(LONGEST / Math.max(1, piece.length)))));
  },
  (text, random, _words, others) => onLines(text, (lines, at) => lines.toSpliced(at, random.below(2), ...someLines(random.pick(others), random)), random),
  (text, random, _words, others) => text.slice(0, random.below(text.length + 1)) + random.pick(others).slice(random.below(text.length + 1)),
];

/** Some changes along characters, words, numbers and lines. `words` are those that mean something to the reader of the text. */
export function mutateText(text: string, random: Random, words: readonly string[], others: readonly string[]): string {
  let result = text;
  for (let left = 1 + random.size(4); left > 0; left -= 1) result = random.pick(CHANGES)(result, random, words, others).slice(0, LONGEST);
  return result;
}

/** Mutates the bytes inside of one of the base64 words of a text. */
export function mutateBase64(text: string, random: Random, mutate: (bytes: Uint8Array) => Uint8Array): string {
  return replaceOne(text, /[A-Za-z0-9+/]{24,}={0,2}/g, random, (word) => {
    const base64 = Buffer.from(mutate(new Uint8Array(Buffer.from(word, 'base64')))).toString('base64');
    return random.oneIn(20) ? base64.replace(/=+$/, '') : base64;
  });
}

/** Replaces one of the places where the pattern matches. */
function replaceOne(text: string, pattern: RegExp, random: Random, by: (match: string) => string): string {
  const places = [...text.matchAll(pattern)];
  if (places.length === 0) return text;
  const { 0: found, index } = random.pick(places);
  return text.slice(0, index) + by(found) + text.slice(index + found.length);
}

function onLines(text: string, change: (lines: readonly string[], at: number) => string[], random: Random): string {
  const lines = text.split('\n');
  return change(lines, random.below(lines.length)).join('\n');
}

function someLines(text: string, random: Random): string[] {
  const lines = text.split('\n');
  const at = random.below(lines.length);
  return lines.slice(at, at + 1 + random.size(6));
}

function changeCharacter(text: string, random: Random): string {
  const at = random.below(text.length);
  const by = random.oneIn(3) ? random.pick(HOSTILE) : String.fromCharCode(random.oneIn(4) ? random.below(0xd800) : 32 + random.below(95));
  return text.slice(0, at) + by + text.slice(at + 1);
}

function wordBorder(text: string, random: Random): number {
  const from = random.below(text.length + 1);
  const found = text.slice(from).search(/\b/);
  return found === -1 ? from : from + found;
}

function range(text: string, random: Random): [at: number, count: number] {
  const at = random.below(text.length + 1);
  return [at, 1 + random.size(Math.max(0, text.length - at))];
}

function cut(text: string, at: number, count: number): string {
  return text.slice(0, at) + text.slice(at + count);
}

function inserted(text: string, at: number, piece: string): string {
  return text.slice(0, at) + piece + text.slice(at);
}
