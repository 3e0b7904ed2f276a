import type { Inventory } from './host.ts';
import { resolveJumps } from './jumps.ts';
import { Problems } from './problem.ts';
import { resolveHosts } from './resolve.ts';
import { refuseDuplicates, shortNamesOf } from './unique.ts';
import { validateInventory } from './validate.ts';
import { readYaml } from './yaml-source.ts';

export interface LoadOptions {
  /** Folder that `~/` in identityFile stands for; without it such a path is refused. */
  readonly home?: string | undefined;
}

/**
 * Reads an inventory from the text of its file. `file` is the name that errors and hosts carry.
 * Every mistake of the file is found in one go; each has a line and a column, exit code 2, and a code `inventory/...`.
 * @throws AppError the mistake itself when there is one; `inventory/invalid` with all of them in `details` when there
 *   are more
 */
export function loadInventory(text: string, file: string, options: LoadOptions = {}): Inventory {
  const problems = new Problems();
  const source = readYaml(text, file, problems);
  const data = validateInventory(source, problems);
  if (data === undefined) {
    problems.throwIfAny(file);
    throw new Error('a refused inventory has no mistake');
  }
  const context = { file: data, source, problems, home: options.home };
  const drafts = resolveHosts(context);
  refuseDuplicates(drafts, source, problems);
  const shortNames = shortNamesOf(drafts);
  const jumps = resolveJumps(drafts, new Map(drafts.flatMap((draft, i) => (shortNames[i] === undefined ? [] : [[shortNames[i], draft]]))), context);
  if (drafts.length === 0 && !problems.any) {
    problems.add({ code: 'inventory/no-hosts', message: 'there is no host in this inventory', hint: 'add one under groups: NAME: hosts:, like "web-01.example.com:"' }, source.locate([]));
  }
  problems.throwIfAny(file);
  const limits = Object.entries(data.groups ?? {}).flatMap(([name, group]): [string, number][] => (group?.concurrency === undefined ? [] : [[name, group.concurrency]]));
  return {
    file,
    environment: data.environment,
    hosts: drafts.map(({ host }, i) => ({ ...host, shortName: shortNames[i], jump: jumps[i] ?? [] })),
    concurrency: new Map(limits),
  };
}
