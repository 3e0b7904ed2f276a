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

describe('selectors with & and !', () => {
  const all = loadInventory(
    `version: 1\nenvironment: e\ngroups:\n  outer:\n  ga: { groups: [outer], hosts: { "a[1:3].x": } }\n  gb: { groups: [outer], hosts: { "b[1:3].x": { groups: [gc] } } }\n  gc:\nhosts: { c1.x: { groups: [gc] } }\n`,
    'f',
  ).hosts;
  // each term with what it matches, written down by hand
  const TERMS: Readonly<Record<string, (host: Host) => boolean>> = {
    '*': () => true,
    'a*': ({ name }) => name.startsWith('a'),
    'b2': ({ name }) => name === 'b2.x',
    'b[2:3]': ({ name }) => name === 'b2.x' || name === 'b3.x',
    '?1.x': ({ name }) => name.endsWith('1.x'),
    '@outer': ({ name }) => /^[ab]/.test(name),
    '@ga': ({ name }) => name.startsWith('a'),
    '@gc': ({ name }) => /^[bc]/.test(name),
    '@g?': () => true,
    'c1.x': ({ name }) => name === 'c1.x',
  };
  const term = fc.tuple(fc.constantFrom('', '', '&', '!'), fc.constantFrom(...Object.keys(TERMS)));

  it('mean what sets mean: added up, kept, taken away', () => {
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 6 }), (terms) => {
        let model = new Set(terms.some(([mark]) => mark === '') ? [] : all);
        for (const [mark, text] of terms) if (mark === '') for (const host of all) if (TERMS[text]?.(host)) model.add(host);
        for (const [mark, text] of terms) if (mark === '&') model = new Set([...model].filter((host) => TERMS[text]?.(host)));
        for (const [mark, text] of terms) if (mark === '!') model = new Set([...model].filter((host) => !TERMS[text]?.(host)));
        const pattern = terms.map(([mark, text]) => mark + text).join(',');
        if (model.size === 0) expect(() => selectHosts(all, pattern)).toThrow(expect.objectContaining({ code: 'inventory/nothing-left' }));
        else expect(selectHosts(all, pattern)).toEqual(all.filter((host) => model.has(host)));
      }),
      { numRuns: 1000 },
    );
  });

  it('never throw anything but an error of their own', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.array(fc.constantFrom('!', '&', ',', '@', '*', 'a1', '[1:2]', '[', ']', ':', '::', ' ', 'ga')).map((parts) => parts.join(''))), (pattern) => {
        try {
          expect(selectHosts(all, pattern).length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(error.code).toMatch(/^inventory\/(?:bad-selector|bad-range|no-such-host|no-such-group|nothing-left)$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('IPv6 addresses', () => {
  const words = fc.array(fc.oneof(fc.constant(0), fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });

  /** RFC 5952, section 4, word for word. IPv4 in the last two words (section 5) is left out. */
  function rfc5952(all: readonly number[]): string {
    const runs = all.flatMap((_, from) => all.map((_end, to) => ({ from, length: to - from + 1 }))).filter(({ from, length }) => length >= 2 && all.slice(from, from + length).every((word) => word === 0));
    const gap = runs.toSorted((a, b) => b.length - a.length || a.from - b.from)[0];
    const text = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(':');
    return gap === undefined ? text(all) : `${text(all.slice(0, gap.from))}::${text(all.slice(gap.from + gap.length))}`;
  }

  it('are taken in their one short form only, and every other spelling is told it', () => {
    fc.assert(
      fc.property(words, fc.boolean(), fc.boolean(), (all, upper, padded) => {
        fc.pre(all.slice(0, 6).some((word) => word !== 0 && word !== 0xffff));
        const short = rfc5952(all);
        const long = all.map((word) => word.toString(16).padStart(padded ? 4 : 1, '0')).join(':');
        const other = upper ? long.toUpperCase() : long;
        expect(hostNameProblem(short)).toBeUndefined();
        if (other !== short) expect(hostNameProblem(other)).toMatchObject({ code: 'inventory/bad-host-name', hint: expect.stringContaining(`write ${short}`) as string });
        // attacks rows 14 and 16
        for (const bad of [`[${short}]`, `[${short}]:22`, `${short}%eth0`, `${short}/64`]) expect(hostNameProblem(bad)?.code).toBe('inventory/bad-host-name');
      }),
      { numRuns: 1000 },
    );
  });

  it('are found in every spelling by a selector', () => {
    fc.assert(
      fc.property(words, (all) => {
        fc.pre(all.slice(0, 6).some((word) => word !== 0 && word !== 0xffff));
        const { hosts } = loadInventory(`version: 1\nenvironment: e\nhosts:\n  h: { address: "${rfc5952(all)}" }\n  other:\n`, 'f');
        const long = all.map((word) => word.toString(16).padStart(4, '0')).join(':');
        for (const spelling of [long, long.toUpperCase(), `[${long}]`, rfc5952(all)]) expect(selectHosts(hosts, spelling).map(({ name }) => name)).toEqual(['h']);
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
