import { Command } from 'commander';
import { EXIT, usageError, type ExitCode } from '../base/errors.ts';
import { nowSeconds } from '../base/clock.ts';
import { plural } from '../base/text.ts';
import type { CommandFactory } from './program.ts';
import { operatorOf, paint, type Io } from './io.ts';
import type { PassphraseFlags } from './passphrase.ts';
import { finish } from './run.ts';
import { addPassphraseFlags, openWorkspaceCa } from './workspace-ca.ts';
import { addWorkspaceFlag, findWorkspace, type Workspace, type WorkspaceFlags } from './workspace.ts';

interface ForgetFlags extends WorkspaceFlags, PassphraseFlags {
  readonly yes?: boolean;
  readonly reason?: string;
  readonly json?: boolean;
}

export const caForgetCommand: CommandFactory = (io) => {
  const command = new Command('forget')
    .description('give up the names and host keys of a machine that is gone, so that another may have them')
    .argument('<host-id>', 'environment/name')
    .option('-y, --yes', 'do not ask')
    .option('--reason <text>', 'why, for the ledger')
    .option('--json', 'one JSON object on stdout');
  addPassphraseFlags(addWorkspaceFlag(command));
  return command.action((hostId: string, flags: ForgetFlags) => finish(io, flags.json === true, () => run(io, hostId, flags)));
};

async function run(io: Io, hostId: string, flags: ForgetFlags): Promise<ExitCode> {
  const workspace = await findWorkspace(io, flags);
  const { names, keys, valid } = await holdings(io, workspace, hostId);
  if (names + keys === 0) throw usageError('ca/unknown-host', `${JSON.stringify(hostId)} holds no name and no key`, { hint: 'write environment/name as `ensign ca log` shows it' });
  if (valid.length > 0) io.note(`${paint(io, 'warn', 'note')} ${plural(valid.length, 'certificate')} of ${hostId} ${valid.length === 1 ? 'is' : 'are'} still valid, the last until ${valid.at(-1) ?? ''}: whoever holds its keys can pass for it until then`);
  if (flags.yes !== true && !(await agreed(io, hostId, names, keys))) return EXIT.refused;
  const ca = await openWorkspaceCa(io, workspace, { ...flags, unlock: ['user'] });
  try {
    const released = await ca.forget(hostId, { who: operatorOf(io), why: 'forget', reason: flags.reason });
    if (flags.json === true) io.out(JSON.stringify({ host: hostId, ...released }));
    else io.out(`${paint(io, 'good', 'released')} ${hostId}: ${[...released.names, ...released.keys].join(', ')}`);
  } finally {
    await ca.close();
  }
  return EXIT.good;
}

async function agreed(io: Io, hostId: string, names: number, keys: number): Promise<boolean> {
  if (!io.interactive) throw usageError('ca/not-interactive', 'there is no terminal to ask on', { hint: 'say --yes' });
  const { confirm } = await import('@inquirer/prompts');
  return confirm({ message: `Let others have the ${plural(names, 'name')} and ${plural(keys, 'host key')} of ${hostId}?`, default: false }, { output: process.stderr, signal: io.interrupted });
}

async function holdings(io: Io, workspace: Workspace, hostId: string): Promise<{ names: number; keys: number; valid: string[] }> {
  const { withStore } = await import('../ca/open.ts');
  return withStore(workspace.caDirectory, (store) =>
    store.read(async (reader) => {
      const claims = await reader.claimsOfHost(hostId);
      const now = nowSeconds(io.clock);
      const ends = (await reader.certificatesOfHost(hostId)).map((c) => c.validBefore).filter((end) => end > now);
      const valid = ends.sort((a, b) => a - b).map((end) => new Date(end * 1000).toISOString().replace('.000Z', 'Z'));
      return { names: claims.filter((c) => c.kind === 'name').length, keys: claims.filter((c) => c.kind === 'key').length, valid };
    }),
  );
}
