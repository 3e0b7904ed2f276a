import { Command, Option } from 'commander';
import { EXIT } from '../base/errors.ts';
import type { CommandFactory } from './program.ts';
import type { Io } from './io.ts';
import { finish } from './run.ts';
import { table } from './table.ts';
import { addWorkspaceFlag, findWorkspace, type WorkspaceFlags } from './workspace.ts';
import { readWorkspaceAuthorities } from './workspace-ca.ts';

interface ShowFlags extends WorkspaceFlags {
  readonly user?: boolean;
  readonly host?: boolean;
  readonly json?: boolean;
}

export const caShowCommand: CommandFactory = (io) => {
  const command = new Command('show')
    .description('show both authorities; needs no passphrase')
    .option('--user', "print the user authority's public key line alone (for TrustedUserCAKeys)")
    .addOption(new Option('--host', "print the host authority's public key line alone (for @cert-authority)").conflicts('user'))
    .option('--json', 'one JSON object on stdout');
  return addWorkspaceFlag(command).action((flags: ShowFlags) => finish(io, flags.json === true, () => run(io, flags)));
};

async function run(io: Io, flags: ShowFlags): Promise<0> {
  const { formatPublicKeyLine } = await import('../wire/public-key.ts');
  const workspace = await findWorkspace(io, flags);
  const authorities = Object.values(await readWorkspaceAuthorities(workspace));
  const shown = authorities.map((a) => ({
    purpose: a.purpose,
    fingerprint: a.fingerprint,
    type: a.publicKey.type,
    created: new Date(a.createdAt * 1000).toISOString().replace('.000Z', 'Z'),
    publicKey: formatPublicKeyLine(a.publicKey, `${workspace.organization} ${a.purpose} CA`),
  }));
  const asked = flags.user === true ? 'user' : flags.host === true ? 'host' : undefined;
  const one = shown.find((a) => a.purpose === asked);
  if (flags.json === true) io.out(JSON.stringify(one ?? { organization: workspace.organization, authorities: shown }));
  else if (one !== undefined) io.out(one.publicKey);
  else for (const line of table(io, ['AUTHORITY', 'FINGERPRINT', 'TYPE', 'CREATED'], shown.map((a) => [a.purpose, a.fingerprint, a.type, a.created]))) io.out(line);
  return EXIT.good;
}
