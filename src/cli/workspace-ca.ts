import type { Command } from 'commander';
import type { Secret } from '../base/secret.ts';
import type { Authority, Purpose } from '../ca/authority.ts';
import type { Ca } from '../ca/ca.ts';
import type { Io } from './io.ts';
import { readPassphrase, type PassphraseFlags } from './passphrase.ts';
import type { Workspace } from './workspace.ts';

/** Declares `--passphrase-file` and `--passphrase-fd`. There is no flag for the passphrase itself: `ps` shows flags to everybody. */
export function addPassphraseFlags(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'file (mode 0600) that holds the passphrase of the CA keys')
    .option('--passphrase-fd <number>', 'file descriptor to read the passphrase from');
}

export interface OpenCaFlags extends PassphraseFlags {
  /** The authorities whose keys are needed; both when absent. Unlocking one takes about 0.3 s. */
  readonly unlock?: readonly Purpose[] | undefined;
}

/**
 * Opens the workspace's CA for signing. The caller closes it.
 * @throws AppError `workspace/no-passphrase`, `ca/wrong-passphrase`, `ca/unsafe-permissions`, `ca/missing`
 */
export async function openWorkspaceCa(io: Io, workspace: Workspace, flags: OpenCaFlags = {}): Promise<Ca> {
  const { openCa } = await import('../ca/open.ts');
  const { randomBytes } = await import('node:crypto');
  const common = { directory: workspace.caDirectory, profiles: workspace.profiles, clock: io.clock, random: randomBytes, unlock: flags.unlock };
  if (workspace.caKeys === 'agent') return openCa({ ...common, agentSocket: io.env['SSH_AUTH_SOCK'] });
  // who only asks the store needs no passphrase
  if (flags.unlock?.length === 0) return openCa(common);
  const passphrase: Secret<string> = await readPassphrase(io, flags, workspace.passphraseFile);
  return openCa({ ...common, passphrase });
}

/**
 * The public half of both authorities; needs no passphrase.
 * @throws AppError `ca/missing`
 */
export async function readWorkspaceAuthorities(workspace: Workspace): Promise<Readonly<Record<Purpose, Authority>>> {
  const { readAuthorities } = await import('../ca/open.ts');
  return readAuthorities(workspace.caDirectory);
}
