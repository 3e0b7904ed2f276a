import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const SRC = new URL('../../src', import.meta.url).pathname;

/** A folder imports only folders with a lower number. */
const LAYER: Readonly<Record<string, number>> = { base: 0, wire: 1, ssh: 2, sshd: 3, inventory: 3, ca: 4, host: 6, server: 7, agent: 7, client: 7, rollout: 8, cli: 9 };

/** Bans beyond the numbers, each with its reason. */
const BANS: readonly { from: string; to: string; reason: string }[] = [
  { from: 'agent', to: 'ca', reason: 'a host never carries signing code' },
  { from: 'server', to: 'host', reason: 'the CA opens no sessions to hosts' },
  { from: 'rollout', to: 'wire', reason: 'whoever moves many hosts has no business with bytes' },
  { from: 'client', to: 'host', reason: 'a laptop changes no hosts' },
];

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'));
const imports = files.flatMap((file): Import[] =>
  [...readFileSync(join(SRC, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((m) => ({
    file,
    from: folderOf(file),
    to: folderOf(relative(SRC, join(SRC, file, '..', m[1] ?? ''))),
  })),
);

function folderOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : 'main';
}

describe('the one direction of imports', () => {
  test('there is a tree to look at', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(imports.length).toBeGreaterThan(150);
  });

  test('every folder has its number', () => {
    const unknown = [...new Set(files.map(folderOf))].filter((f) => f !== 'main' && LAYER[f] === undefined);
    expect(unknown).toEqual([]);
  });

  test('a folder imports only folders with a lower number, or itself', () => {
    const wrong = imports.filter(({ from, to }) => from !== 'main' && from !== to && (LAYER[to] ?? 99) >= (LAYER[from] ?? -1));
    expect(wrong.map(({ file, to }) => `${file} imports ${to}/`)).toEqual([]);
  });

  test.each(BANS)('$from does not import $to: $reason', ({ from, to }) => {
    expect(imports.filter((i) => i.from === from && i.to === to).map((i) => i.file)).toEqual([]);
  });

  test('no file is longer than 300 lines', () => {
    const long = files.filter((f) => readFileSync(join(SRC, f), 'utf8').split('\n').length > 301);
    expect(long).toEqual([]);
  });
});
