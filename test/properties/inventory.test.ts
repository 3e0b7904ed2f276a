import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { globMatches } from '../../src/base/glob.ts';
import type { Host } from '../../src/inventory/host.ts';
import { loadInventory } from '../../src/inventory/load.ts';
import { hostNameProblem, loginProblem, principalProblem } from '../../src/inventory/names.ts';
import { expandRanges } from '../../src/inventory/ranges.ts';
import { selectHosts } from '../../src/inventory/select.ts';

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);

describe('ranges', () => {
  it('give every number once, in order, padded as the ends are', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(200), fc.integer({ min: 1, max: 6 }), word, (from, count, width, prefix) => {
        const digits = (n: number): string => String(n).padStart(width, '0');
        // ends of different width exist only without zeros in front
        fc.pre(digits(from).length === digits(from + count).length || !digits(from).startsWith('0'));
        const result = expandRanges(`${prefix}-[${digits(from)}:${digits(from + count)}].x`);
        const expected = Array.from({ length: count + 1 }, (_, i) => `${prefix}-${digits(from + i)}.x`);
        expect(result).toEqual({ names: expected });
      }),
    );
  });

  it('multiply, and never repeat a name', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(4)), { minLength: 1, maxLength: 4 }), (ranges) => {
        const result = expandRanges(ranges.map(([from, count]) => `a[${from}:${from + count}]`).join(''));
        const names = 'names' in result ? result.names : [];
        expect(names).toHaveLength(ranges.reduce((product, [, count]) => product * (count + 1), 1));
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });

  it('leave text without brackets alone and never throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = expandRanges(text);
        if (!/[[\]]/.test(text)) expect(result).toEqual({ names: [text] });
        else expect('problem' in result || result.names.every((name) => !/[[\]]/.test(name))).toBe(true);
      }),
    );
  });
});

describe('globs', () => {
  it('match as the regular expression that they stand for', () => {
    const few = fc.array(fc.constantFrom('a', 'b', '.', '*', '?'), { maxLength: 8 }).map((c) => c.join(''));
    fc.assert(
      fc.property(few, few, (pattern, text) => {
        const expression = pattern.replace(/\./g, '\\.').replace(/\*/g, '.*').replace(/\?/g, '.');
        expect(globMatches(pattern, text)).toBe(new RegExp(`^${expression}$`).test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('take no more time for many stars', () => {
    expect(globMatches(`${'*a'.repeat(500)}b`, 'a'.repeat(2000))).toBe(false);
  });
});

describe('selectors', () => {
  const hosts = (names: readonly string[]): readonly Host[] => loadInventory(`version: 1\nenvironment: e\nhosts:\n${names.map((n) => `  ${n}.x:\n`).join('')}`, 'f').hosts;

  it('of several terms choose the union, in the order of the inventory', () => {
    fc.assert(
      fc.property(fc.uniqueArray(word, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), (names, picks) => {
        const all = hosts(names);
        const terms = picks.map((i) => `${names[i % names.length] ?? ''}.x`);
        const chosen = selectHosts(all, terms.join(',')).map((host) => host.name);
        expect(chosen).toEqual(all.map((host) => host.name).filter((name) => terms.includes(name)));
      }),
    );
  });
});

describe('hostile text', () => {
  const hostile = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[a-z0-9.:[\]*,"' \n-]{0,20}$/));
  const SAFE = /^[A-Za-z0-9_.@+=:-]+$/;

  it('never gets through the checks of names with anything that a shell, a list or a line could see', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const check of [hostNameProblem, loginProblem, principalProblem]) {
          if (check(text) === undefined) expect(SAFE.test(text) && !text.startsWith('-')).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('as a whole file gives an inventory or errors with places, never a crash', () => {
    const lines = fc.constantFrom('version: 1', 'environment: e', 'hosts:', '  a:', '  b: { port: 1 }', 'groups:', '  g: {', '    hosts: { x: }', '}', '  - &a *a', '? [', '"', 'defaults: [', '\t', '--- ', '<<: *x', '  "__proto__": { a: 1 }', '!!set {a}', '  constructor: { logins: { constructor: [a] } }');
    fc.assert(
      fc.property(fc.array(fc.oneof(lines, hostile), { maxLength: 12 }), (parts) => {
        try {
          expect(loadInventory(parts.join('\n'), 'f').hosts.length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          for (const one of error.details.length > 0 ? error.details : [error]) {
            expect(one.code).toMatch(/^inventory\//);
            expect(one.at?.line).toBeGreaterThan(0);
            expect(one.at?.column).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
