import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../src/base/errors.ts';
import { commands } from '../../src/cli/commands.ts';
import type { Io } from '../../src/cli/io.ts';
import { Terminal } from '../../src/cli/terminal.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

interface Page {
  readonly path: string;
  readonly text: string;
}

const pages = [...readdirSync(ROOT), ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name))]
  .filter((path) => path.endsWith('.md'))
  .map((path): Page => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));

describe('the pages', () => {
  test('were all found', () => {
    const paths = pages.map((page) => page.path);
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/architecture.md', 'docs/operations.md', 'docs/threat-model.md', 'docs/hosts.md', 'docs/features.md', 'docs/adr/README.md']));
    expect(paths.filter((path) => path.startsWith('docs/adr/0')).length).toBeGreaterThanOrEqual(14);
  });

  test('every decision is in the list of decisions', () => {
    const list = textOf('docs/adr/README.md');
    const missing = pages.map((page) => page.path.slice('docs/adr/'.length)).filter((name) => /^\d{4}-/.test(name) && !list.includes(`(${name})`));
    expect(missing).toEqual([]);
  });
});

describe('links', () => {
  const links = pages.flatMap((page) =>
    [...withoutCode(page.text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => ({ page: page.path, target: match[1] ?? '' })).filter(({ target }) => !/^[a-z]+:/.test(target)),
  );

  test('there are some', () => {
    expect(links.length).toBeGreaterThan(60);
  });

  test.each(links)('$page: $target', ({ page, target }) => {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), path);
    expect(existsSync(file), `${relative(ROOT, file)} does not exist`).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(readFileSync(file, 'utf8'))).toContain(anchor);
  });
});

describe('codes of hosts', () => {
  const inSource = sourceCodes();
  const inTables = [...textOf('docs/hosts.md').matchAll(/^\| `(host\/[a-z-]+)` \|/gm)].map((match) => match[1] ?? '');
  // what is no table row stands in the list of ensign's own faults
  const inText = [...textOf('docs/hosts.md').matchAll(/`(host\/[a-z-]+)`/g)].map((match) => match[1] ?? '');

  test('were found in code and scripts', () => {
    expect(inSource.size).toBeGreaterThan(35);
    expect([...inSource]).toEqual(expect.arrayContaining(['host/foreign-edit', 'host/reload-failed', 'host/watchdog-not-armed']));
    expect(inTables.length).toBeGreaterThan(30);
  });

  test('each stands in one table at most', () => {
    expect(inTables.filter((code, i) => inTables.indexOf(code) !== i)).toEqual([]);
  });

  test('every documented one exists', () => {
    expect([...new Set(inText)].filter((code) => !inSource.has(code))).toEqual([]);
  });

  test('every one that exists is documented', () => {
    expect([...inSource].filter((code) => !inText.includes(code))).toEqual([]);
  });
});

describe('codes of connections', () => {
  const inSource = new Set(sourceFiles().flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/'(ssh\/[a-z]+(?:-[a-z]+)*)'/g)].map((match) => match[1] ?? '')));
  const documented = `${textOf('docs/connections.md')}${textOf('docs/operations.md')}`;

  test('are all in the page about connections, or in that about logins', () => {
    expect(inSource.size).toBeGreaterThan(40);
    expect([...inSource].filter((code) => !documented.includes(`\`${code}\``))).toEqual([]);
  });
});

describe('other codes', () => {
  const areas = ['ssh', 'wire', 'ca', 'proof', 'inventory', 'config', 'workspace', 'known-hosts', 'scan', 'apply', 'template', 'host'];
  const named = pages.flatMap(({ path, text }) => [...text.matchAll(new RegExp(`\`((?:${areas.join('|')})/[a-z]+(?:-[a-z]+)*)\``, 'g'))].map((match) => ({ page: path, code: match[1] ?? '' })));
  const source = `${sourceFiles().map((file) => readFileSync(file, 'utf8')).join('\n')}\n${[...sourceCodes()].map((code) => `'${code}'`).join('\n')}`;

  test('that a page names exist', () => {
    expect(named.length).toBeGreaterThan(60);
    expect(named.filter(({ code }) => !source.includes(`'${code}'`))).toEqual([]);
  });
});

describe('commands', () => {
  const known = new Map(commands.map((factory) => factory(silentIo())).map((command) => [command.name(), command]));
  const lines = pages.flatMap(({ path, text }) => commandLines(text).map((line) => ({ page: path, line })));

  test('were found in the pages', () => {
    expect(lines.length).toBeGreaterThan(60);
    expect(known.size).toBeGreaterThanOrEqual(8);
  });

  test.each(lines)('$page: $line', ({ line }) => {
    const [, name = '', ...rest] = line.split(/\s+/);
    if (name.startsWith('-')) return;
    const command = known.get(name);
    expect(command, `there is no command ${name}`).toBeDefined();
    if (command === undefined) return;
    const part = command.commands.find((c) => c.name() === rest[0]);
    if (command.commands.length > 0 && rest[0] !== undefined && !rest[0].startsWith('-')) expect(part, `${name} has no ${rest[0]}`).toBeDefined();
    expect(flagsIn(line).filter((flag) => !flagsOf(part ?? command).has(flag))).toEqual([]);
  });

  test('flags that pages name alone are those of some command', () => {
    const all = new Set([...known.values()].flatMap((command) => [command, ...command.commands]).flatMap((command) => [...flagsOf(command)]));
    const named = pages.flatMap(({ path, text }) => [...text.matchAll(/`(--[a-z][a-z0-9-]*)[^`]*`/g)].map((match) => ({ page: path, flag: match[1] ?? '' })));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ flag }) => !all.has(flag))).toEqual([]);
  });

  test('every command and subcommand is in the README and in the operations page', () => {
    const all = [...known.values()].flatMap((command) => [command, ...command.commands].map((c) => (c === command ? command.name() : `${command.name()} ${c.name()}`)));
    const operations = textOf('docs/operations.md');
    expect(all.filter((name) => name !== 'ca' && !operations.includes(`ensign ${name}`) && !operations.includes(`\`${name}\``))).toEqual([]);
    expect([...known.keys()].filter((name) => !textOf('README.md').includes(`ensign ${name}`))).toEqual([]);
  });

  test('npm scripts that pages name exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const named = pages.flatMap(({ text }) => [...text.matchAll(/npm run ([a-z-]+)/g)].map((match) => match[1] ?? ''));
    expect(named.length).toBeGreaterThan(5);
    expect([...new Set(named)].filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

test('the table of exit codes has every code and no other', () => {
  const section = textOf('docs/operations.md').split(/^### Exit codes$/m)[1]?.split(/^#/m)[0] ?? '';
  const codes = [...section.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
  expect(codes).toEqual(Object.values(EXIT).sort((a, b) => a - b));
});

function textOf(path: string): string {
  return pages.find((page) => page.path === path)?.text ?? '';
}

function withoutCode(text: string): string {
  return text.replace(/^ *```[^]*?^ *```$/gm, '').replace(/`[^`\n]*`/g, '');
}

/** As GitHub makes them: lower case, punctuation gone, spaces to dashes. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map((match) => (match[1] ?? '').toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

/** Lines of code, in fences or in the text, that begin with `ensign`; a line that goes on in the next is put together. */
function commandLines(text: string): string[] {
  const fences = [...text.matchAll(/^ *```[a-z]*\n([^]*?)^ *```$/gm)].flatMap((match) => (match[1] ?? '').split('\n'));
  const spans = [...text.replace(/^ *```[^]*?^ *```$/gm, '').matchAll(/`([^`]+)`/g)].map((match) => (match[1] ?? '').replace(/\s+/g, ' '));
  return [...fences, ...spans]
    .map((line) => line.trim().replace(/^\$ /, '').replace(/\s+#.*$/, '').replace(/ && .*$/, ''))
    .filter((line) => /^ensign [a-z-]/.test(line));
}

function flagsIn(line: string): string[] {
  return line.split(/\s+/).filter((word) => /^--?[a-zA-Z]/.test(word)).map((word) => word.replace(/[.=].*$/, ''));
}

function flagsOf(command: Command): Set<string> {
  return new Set(['--help', ...command.options.flatMap((option) => [option.short, option.long])].filter((flag) => flag !== undefined));
}

function sourceFiles(): string[] {
  return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).map((file) => join(ROOT, 'src', file));
}

/** Every `host/...` code: as text in the code, and as the word that the staging script refuses or undoes with. */
function sourceCodes(): Set<string> {
  const code = sourceFiles().flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/'(host\/[a-z-]+)'/g)].map((match) => match[1] ?? ''));
  const script = readFileSync(join(ROOT, 'templates/host/stage.sh'), 'utf8').replace(/^\s*#.*$/gm, '');
  const words = [...script.matchAll(/(?:^|\|\||&&|;|\bthen|\{)\s*(?:refuse|undo|result refused) ([a-z][a-z-]+)/gm)].map((match) => `host/${match[1] ?? ''}`);
  return new Set([...code, ...words]);
}

function silentIo(): Io {
  const nothing = (): void => undefined;
  return { clock: { nowMs: () => 0 }, cwd: '/', env: {}, interactive: false, terminal: new Terminal(), colour: false, columns: undefined, interrupted: new AbortController().signal, out: nothing, note: nothing };
}
