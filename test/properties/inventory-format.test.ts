import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { commentsOf } from '../../src/inventory/comments.ts';
import { formatInventory } from '../../src/inventory/format.ts';
import { loadInventory } from '../../src/inventory/load.ts';

// Inventories as people write them: any indentation, brackets or lines, quotes or none, comments and empty lines anywhere.

type Node = string | readonly string[] | Readonly<Record<string, unknown>>;
type Dice = () => number;

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,7}$/);
const settings = fc.record(
  {
    user: word,
    port: fc.integer({ min: 1, max: 65_535 }).map(String),
    agent: fc.constantFrom('true', 'false', 'True'),
    become: fc.constantFrom('none', 'sudo', 'doas'),
    identityFile: fc.constantFrom('~/.ssh/key', '/keys/my key', '/k#1', '/k: v'),
    connectTimeout: fc.constantFrom('10s', '1m30s'),
    jump: fc.oneof(fc.constantFrom('gate.example', 'ops@[2001:db8::9]:22', 'none'), fc.constant(['one.example', 'me@two.example:2200'])),
  },
  { requiredKeys: [] },
);
const hosts = fc.dictionary(word, fc.oneof(fc.constant({}), settings), { minKeys: 1, maxKeys: 5 });
const inventory = fc.record({ defaults: settings, groups: fc.dictionary(word, fc.tuple(settings, hosts), { maxKeys: 3 }), hosts });

/** Prints a tree of mappings by throwing dice at every choice that YAML leaves open. */
class Scribe {
  readonly lines: string[] = [];
  readonly #dice: Dice;
  #comments = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  print(tree: Readonly<Record<string, unknown>>): string {
    this.#mapping(tree, 0);
    this.#noise();
    return this.lines.join(this.#chance(20) ? '\r\n' : '\n') + (this.#chance(5) ? '' : '\n');
  }

  #mapping(tree: Readonly<Record<string, unknown>>, indent: number): void {
    for (const [key, value] of Object.entries(tree) as [string, Node][]) {
      this.#noise();
      const start = `${' '.repeat(indent)}${this.#quoted(key)}:`;
      const empty = typeof value === 'object' && Object.keys(value).length === 0;
      if (empty) this.#line(start + (this.#chance(2) ? '' : this.#chance(2) ? ' ~' : ' {}'));
      else if (typeof value === 'string') this.#line(`${start} ${this.#quoted(value)}`);
      else if (this.#chance(3)) this.#line(`${start} ${this.#flow(value)}`);
      else this.#block(start, value, indent);
    }
  }

  #block(start: string, value: readonly string[] | Readonly<Record<string, unknown>>, indent: number): void {
    this.#line(start);
    const deeper = indent + 1 + (this.#dice() % 5);
    if (!Array.isArray(value)) {
      this.#mapping(value as Readonly<Record<string, unknown>>, deeper);
      return;
    }
    const column = this.#chance(2) ? indent : deeper;
    for (const item of value as readonly string[]) {
      this.#noise();
      this.#line(`${' '.repeat(column)}-${' '.repeat(1 + (this.#dice() % 3))}${this.#quoted(item, true)}`);
    }
  }

  #flow(value: Node): string {
    const space = (): string => (this.#chance(8) ? `  # c${++this.#comments}\n${' '.repeat(30)}` : ' '.repeat(this.#dice() % 3));
    if (typeof value === 'string') return this.#quoted(value, true);
    if (Array.isArray(value)) return `[${space()}${(value as readonly string[]).map((item) => this.#quoted(item, true)).join(`${space()},${space()}`)}${space()}]`;
    const pairs = Object.entries(value).map(([key, inner]) => `${this.#quoted(key)}: ${this.#flow(inner as Node)}`);
    return `{${space()}${pairs.join(`,${space()}`)}${space()}}`;
  }

  #line(text: string): void {
    this.lines.push(text + (this.#chance(6) ? `${' '.repeat(1 + (this.#dice() % 9))}# c${++this.#comments} ${'#'.repeat(this.#dice() % 3)}` : ''));
  }

  #noise(): void {
    while (this.#chance(4)) this.lines.push(this.#chance(2) ? ' '.repeat(this.#dice() % 3) : `${' '.repeat(this.#dice() % 12)}#${this.#chance(2) ? ' ' : ''}c${++this.#comments}: {"`);
  }

  #quoted(text: string, flow = false): string {
    const needed = /[[\]#]|: | /.test(text) && (flow || text.includes('#') || text.includes(': '));
    if (!needed && !/^(?:\d+|true|false|True)$/.test(text) && this.#chance(4)) return this.#chance(2) ? `'${text}'` : `"${text}"`;
    return needed ? `"${text}"` : text;
  }

  #chance(of: number): boolean {
    return this.#dice() % of === 0;
  }
}

const text = fc.tuple(inventory, fc.infiniteStream(fc.nat(10_000))).map(([{ defaults, groups, hosts: alone }, stream]) => {
  const tree = {
    version: '1',
    environment: 'e',
    defaults,
    groups: Object.fromEntries(Object.entries(groups).map(([name, [own, inside]]) => [name, { ...own, hosts: Object.fromEntries(Object.entries(inside).map(([host, entry]) => [`${host}.${name}`, entry])) }])),
    hosts: Object.fromEntries(Object.entries(alone).map(([host, entry]) => [`${host}.alone.x`, entry])),
  };
  return new Scribe(() => stream.next().value as number).print(tree);
});

function meaningOf(inventoryText: string): unknown {
  const { hosts: all, ...rest } = loadInventory(inventoryText, 'f', { home: '/h' });
  return { ...rest, hosts: all.map((host) => ({ ...host, at: undefined })) };
}

describe('the canonical form', () => {
  it('of any inventory means the same, has every comment in its order, and is its own canonical form', () => {
    let taken = 0;
    fc.assert(
      fc.property(text, (written) => {
        const formatted = formatInventory(written, 'f');
        expect(meaningOf(formatted)).toEqual(meaningOf(written));
        expect(commentsOf(formatted).map((comment) => comment.text)).toEqual(commentsOf(written).map((comment) => comment.text));
        expect(formatInventory(formatted, 'f')).toBe(formatted);
        // a comment stays between the words that it stood between
        expect(skeleton(formatted)).toEqual(skeleton(written));
        expect(formatted).not.toMatch(/[ \t\r]$|\n\n\n|\t/m);
        taken += 1;
      }),
      { numRuns: 150 },
    );
    expect(taken).toBe(150);
  });

  it('of hostile text is an error with a code, never a crash', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom('version: 1', 'environment: e', 'hosts:', '  a:', '  b: { port: 1 }', '# c', '  # d', '---', '...', '%YAML 1.1', '? x', ': y', '- z', '{', '}', '|', '  text'), fc.string()), { maxLength: 12 }), (lines) => {
        try {
          formatInventory(lines.join('\n'), 'f');
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(error.code).toMatch(/^inventory\//);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** The words of an inventory with the comments among them; quotes, brackets, spaces and what is empty left out. */
function skeleton(inventoryText: string): string[] {
  const comments = commentsOf(inventoryText);
  const found: string[] = [];
  let from = 0;
  const words = (until: number): void => {
    found.push(...inventoryText.slice(from, until).replaceAll('True', 'true').split(/["'{}[\],:\s~-]+/).filter((part) => part !== ''));
  };
  for (const comment of comments) {
    words(comment.offset);
    found.push(comment.text);
    from = comment.offset + (/^[^\r\n]*/.exec(inventoryText.slice(comment.offset))?.[0].length ?? 0);
  }
  words(inventoryText.length);
  return found;
}
