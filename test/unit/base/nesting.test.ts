import { expect, it } from 'vitest';
import { tooDeepLine } from '../../../src/base/nesting.ts';

it.each<[what: string, text: string, line: number | undefined]>([
  ['what people write', 'groups:\n  web:\n    hosts: { a: { port: 22 }, b: , "2001:db8::1": }\n', undefined],
  ['a thousand entries in one line', `hosts: { ${Array.from({ length: 1000 }, (_, i) => `h${i}: { port: 22 }`).join(', ')} }`, undefined],
  ['a list of a thousand items', `a:\n${'  - b: c\n'.repeat(1000)}`, undefined],
  ['brackets in comments', `# ${'['.repeat(200)}\na: b\n`, undefined],
  ['brackets', `a: b\nc: ${'['.repeat(101)}`, 2],
  ['brackets over many lines', '[\n'.repeat(101), 101],
  ['indicators', '- ? '.repeat(60), 1],
  ['indentation', `a:\n${' '.repeat(101)}b: c`, 2],
  ['colons without commas', `{ ${'a: b '.repeat(101)}`, 1],
])('%s', (_what, text, line) => {
  expect(tooDeepLine(text)).toBe(line);
});
