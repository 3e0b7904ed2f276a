import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { usageError } from '../base/errors.ts';
import type { Profiles } from '../ca/profile.ts';
import type { Io } from './io.ts';
import type { WorkspaceConfig } from './workspace-schema.ts';

export const WORKSPACE_FILE = 'ensign.yaml';

/** A folder with an `ensign.yaml`, read and checked. All paths are absolute. */
export interface Workspace {
  readonly root: string;
  readonly configFile: string;
  readonly organization: string;
  /** People's principals are `environment/principal` when true. */
  readonly scopePrincipals: boolean;
  readonly profiles: Profiles;
  readonly caDirectory: string;
  readonly caKeys: 'files' | 'agent';
  readonly passphraseFile: string | undefined;
  readonly inventoriesDirectory: string;
  /** Host keys that ensign itself accepted at first contact. */
  readonly knownHostsFile: string;
}

export interface WorkspaceFlags {
  readonly workspace?: string | undefined;
}

/** Declares `--workspace`. */
export function addWorkspaceFlag(command: Command): Command {
  return command.option('-w, --workspace <dir>', 'the folder with ensign.yaml (default: this folder or the nearest one above)');
}

/**
 * Finds `ensign.yaml` in `--workspace` or from the current folder upwards, and reads it.
 * @throws AppError `workspace/not-found`, `config/syntax`, `config/invalid`
 */
export async function findWorkspace(io: Pick<Io, 'cwd'>, flags: WorkspaceFlags): Promise<Workspace> {
  // late, because every command declares its flags through this file, and `--help` needs no YAML
  const { parseConfig } = await import('./config-file.ts');
  const { workspaceSchema } = await import('./workspace-schema.ts');
  const root = await findRoot(io.cwd, flags.workspace);
  const configFile = join(root, WORKSPACE_FILE);
  const config = parseConfig(await readFile(configFile, 'utf8'), configFile, workspaceSchema);
  return {
    root,
    configFile,
    organization: config.organization,
    scopePrincipals: config.scopePrincipals,
    profiles: await profilesOf(config),
    caDirectory: resolve(root, config.ca.directory),
    caKeys: config.ca.keys,
    passphraseFile: config.ca.passphraseFile === undefined ? undefined : resolve(root, config.ca.passphraseFile),
    inventoriesDirectory: join(root, 'inventories'),
    knownHostsFile: join(root, 'known_hosts'),
  };
}

async function findRoot(cwd: string, asked: string | undefined): Promise<string> {
  const start = resolve(cwd, asked ?? '.');
  for (let folder = start; ; folder = dirname(folder)) {
    if (await isFile(join(folder, WORKSPACE_FILE))) return folder;
    if (asked !== undefined || folder === dirname(folder)) break;
  }
  throw usageError('workspace/not-found', asked === undefined ? `no ${WORKSPACE_FILE} in ${start} or above it` : `no ${WORKSPACE_FILE} in ${start}`, {
    hint: 'make a workspace with `ensign init`, or name one with --workspace DIR',
  });
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function profilesOf(config: WorkspaceConfig): Promise<Profiles> {
  const { DEFAULT_PROFILES, defineProfile } = await import('../ca/profile.ts');
  const own = Object.entries(config.profiles).map(([name, settings]) => [name, defineProfile(name, settings)] as const);
  return new Map([...DEFAULT_PROFILES, ...own]);
}
