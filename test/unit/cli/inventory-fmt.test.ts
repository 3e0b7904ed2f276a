import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inventoryCommand } from '../../../src/cli/inventory.ts';
import { formatInventory } from '../../../src/inventory/format.ts';
import { runCommand, type Ran } from '../../support/run-command.ts';

const MESSY = `# yaml-language-server: $schema=x


version: 1   # one
environment: staging   # two
groups:

    web:
        hosts: {a.example: {port: 0x16,names: [ x,y ]}, "b.example": }   # who
        # port: 22

    # next
    db:   # more
        jump:
        # first
        - one
        -   user: me   # why
            address: "two"
        hosts:
            c.example: ~
              # address: 10.0.0.9
            d.example:
            # before e
            e.example:
hosts:
    ? gate.example
    : agent: False
# end`;

const CANONICAL = `# yaml-language-server: $schema=x

version: 1            # one
environment: staging  # two
groups:
  web:
    hosts: { a.example: { port: 22, names: [x, y] }, "b.example": }  # who
    # port: 22

  # next
  db:  # more
    jump:
      # first
      - one
      - user: me  # why
        address: "two"
    hosts:
      c.example:
        # address: 10.0.0.9
      d.example:
      # before e
      e.example:
hosts:
  gate.example:
    agent: false
# end
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-fmt-'));
  writeFileSync(join(folder, 'messy.yaml'), MESSY);
  writeFileSync(join(folder, 'good.yaml'), CANONICAL);
});
afterEach(() => rmSync(folder, { recursive: true }));

const fmt = (...argv: string[]): Promise<Ran> => runCommand(inventoryCommand, ['inventory', 'fmt', ...argv], { cwd: folder, env: {} });
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

describe('the canonical form', () => {
  it('has two spaces a level, one empty line at most, and every comment at its place', () => {
    expect(formatInventory(MESSY, 'f')).toBe(CANONICAL);
  });

  it('puts what is too wide, or holds a comment, on lines of its own', () => {
    const names = Array.from({ length: 9 }, (_, i) => `a-longer-name-${i}`);
    const of = (list: string): string => formatInventory(`version: 1\nenvironment: e\nhosts: { a: ${list} }\n`, 'f').split('hosts:')[1] ?? '';
    expect(of(`{ names: [${names.slice(0, 2).join(',')}] }`)).toBe(` { a: { names: [${names.slice(0, 2).join(', ')}] } }\n`);
    expect(of(`{ names: [${names.join(',')}] }`)).toBe(`\n  a:\n    names:\n${names.map((name) => `      - ${name}\n`).join('')}`);
    expect(of('{ names: [x, # why\n    y] }')).toBe('\n  a:\n    names:\n      - x  # why\n      - y\n');
  });

  it('lets a name that looks like a number be that name', () => {
    expect(formatInventory('version: 1\nenvironment: e\nhosts:\n   0x10.x:\n   1e3.x: {}\n', 'f')).toContain('  0x10.x:\n  1e3.x: {}\n');
  });

  it('is not looked for in a text that YAML directives make mean something else', () => {
    expect(() => formatInventory('%YAML 1.1\n---\nversion: 1\nenvironment: e\nhosts: { a: { port: 0o26 } }\n', 'f')).toThrow(expect.objectContaining({ exit: 2 }));
  });
});

describe('ensign inventory fmt', () => {
  it('writes what is not canonical, keeps the mode, and leaves nothing else behind', async () => {
    chmodSync(join(folder, 'messy.yaml'), 0o640);
    const { out, code } = await fmt('messy.yaml', 'good.yaml');
    expect([out, code]).toEqual(['changed messy.yaml\nunchanged good.yaml', 0]);
    expect(read('messy.yaml')).toBe(CANONICAL);
    expect(statSync(join(folder, 'messy.yaml')).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(['good.yaml', 'messy.yaml']);
  });

  it('writes through a symbolic link and keeps it', async () => {
    symlinkSync('messy.yaml', join(folder, 'link.yaml'));
    await fmt('link.yaml');
    expect([lstatSync(join(folder, 'link.yaml')).isSymbolicLink(), read('messy.yaml')]).toEqual([true, CANONICAL]);
  });

  it('does not touch a file that is canonical', async () => {
    const before = statSync(join(folder, 'good.yaml'), { bigint: true });
    await fmt('good.yaml');
    const after = statSync(join(folder, 'good.yaml'), { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  it('--check shows what would change, writes nothing and ends with 3', async () => {
    const { out, note, code } = await fmt('--check', 'messy.yaml', 'good.yaml');
    expect(out.split('\n')).toEqual(expect.arrayContaining(['messy.yaml', '- version: 1   # one', '+ version: 1            # one']));
    expect(note).toContain('1 file to write');
    expect([code, read('messy.yaml')]).toEqual([3, MESSY]);
    expect(out).not.toContain('good.yaml');
  });

  it('--check ends with 0 where nothing is to do', async () => {
    expect(await fmt('--check', 'good.yaml')).toMatchObject({ out: '', note: '1 file in canonical form', code: 0 });
  });

  it('tells both as JSON', async () => {
    const check = JSON.parse((await fmt('--check', '--json', 'messy.yaml', 'good.yaml')).out) as { files: { diff: string[] }[] };
    expect(check).toMatchObject({ files: [{ file: 'messy.yaml', outcome: 'pending' }, { file: 'good.yaml', outcome: 'unchanged', diff: [] }] });
    expect(check.files[0]?.diff).toContain('+ # end');
    expect(JSON.parse((await fmt('--json', 'messy.yaml', 'good.yaml')).out)).toEqual({ files: [{ file: 'messy.yaml', outcome: 'changed' }, { file: 'good.yaml', outcome: 'unchanged' }] });
  });

  it('writes none of several files when one has a mistake', async () => {
    writeFileSync(join(folder, 'bad.yaml'), CANONICAL.replace('port: 22,', 'prot: 22,'));
    const { out, note, code } = await fmt('messy.yaml', 'bad.yaml');
    expect(note).toContain('[inventory/unknown-key]');
    expect([out, code, read('messy.yaml')]).toEqual(['', 2, MESSY]);
  });

  it('keeps a file that it may not replace', async () => {
    mkdirSync(join(folder, 'dir'));
    const { note, code } = await fmt('dir');
    expect(note).toContain('[inventory/unreadable]');
    expect(code).toBe(2);
  });
});
