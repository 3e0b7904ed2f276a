import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'corpus');

/**
 * How many sound inputs and how many findings there are for each target. The loader compares, so that a file that is
 * lost, or put into a folder that nobody reads, is a mistake and not a smaller test.
 */
export const COUNTS: Readonly<Record<string, { readonly seeds: number; readonly found: number }>> = {
  agent: { seeds: 4, found: 1 },
  'ca-key': { seeds: 0, found: 1 },
  certificate: { seeds: 13, found: 0 },
  inventory: { seeds: 2, found: 2 },
  'kex-reply': { seeds: 0, found: 1 },
  known_hosts: { seeds: 3, found: 0 },
  'private-key': { seeds: 13, found: 6 },
  probe: { seeds: 0, found: 2 },
  'public-key': { seeds: 7, found: 0 },
  'sshd-T': { seeds: 4, found: 0 },
  'sshd-config': { seeds: 5, found: 1 },
  state: { seeds: 1, found: 0 },
  transport: { seeds: 3, found: 0 },
  workspace: { seeds: 2, found: 3 },
};

/** The sound inputs of a target: what make-corpus.ts had made by OpenSSH, or what was written by hand. */
export function loadSeeds(target: string): Uint8Array[] {
  return load(target, 'seeds').map(({ bytes }) => bytes);
}

/** Inputs that once broke something, `found-*`; they are tried again in every run of the tests. */
export function loadFound(target: string): { readonly name: string; readonly bytes: Uint8Array }[] {
  return load(target, 'found');
}

function load(target: string, kind: 'seeds' | 'found'): { name: string; bytes: Uint8Array }[] {
  const folder = join(FOLDER, target);
  const names = (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name.startsWith('found-') === (kind === 'found')).sort();
  const wanted = COUNTS[target]?.[kind] ?? 0;
  if (names.length !== wanted) throw new Error(`${folder} has ${names.length} files of the kind "${kind}", corpus.ts says ${wanted}`);
  return names.map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(folder, name))) }));
}
