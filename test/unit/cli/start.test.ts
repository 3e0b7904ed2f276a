import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-start-'));
  await build({ entryPoints: { ensign: new URL('../../../src/main.ts', import.meta.url).pathname }, outdir: folder, bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'warning' });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every package that is read before a command runs: what stands in static imports, from the entry on. */
function eager(file: string, seen = new Set<string>(), packages = new Set<string>()): Set<string> {
  if (seen.has(file)) return packages;
  seen.add(file);
  for (const [, from, bare] of readFileSync(file, 'utf8').matchAll(/^(?:import|export)[^;]*?from "([^"]+)"|^import "([^"]+)"/gm)) {
    const name = from ?? bare ?? '';
    if (name.startsWith('.')) eager(resolve(dirname(file), name), seen, packages);
    else if (!name.startsWith('node:')) packages.add(name);
  }
  return packages;
}

test('help needs nothing but the parser of flags, so that it starts fast', () => {
  expect([...eager(join(folder, 'ensign.js'))]).toEqual(['commander']);
});

test('every command is listed by the built program', () => {
  const help = execFileSync(process.execPath, [new URL('../../../dist/ensign.js', import.meta.url).pathname, '--help']).toString();
  for (const command of ['init', 'ca', 'inventory', 'plan', 'apply', 'status', 'known-hosts', 'scan']) expect(help).toMatch(new RegExp(`^ {2}${command} `, 'm'));
});
