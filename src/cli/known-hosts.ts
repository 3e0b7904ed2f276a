import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { EXIT, formatLocation } from '../base/errors.ts';
import { plural } from '../base/text.ts';
import type { PublicKey } from '../wire/public-key.ts';
import { paint, type Io } from './io.ts';
import { readInventory } from './read-inventory.ts';
import { finish } from './run.ts';
import { readWorkspaceAuthorities } from './workspace-ca.ts';
import { addWorkspaceFlag, findWorkspace, type WorkspaceFlags } from './workspace.ts';

interface Flags extends WorkspaceFlags {
  readonly inventory: readonly string[];
  readonly install?: string | true;
  readonly json?: boolean;
}

/** `ensign known-hosts`: the lines that end "is this fingerprint correct?" on a laptop. */
export function knownHostsCommand(io: Io): Command {
  const command = new Command('known-hosts')
    .description('print the @cert-authority lines for laptops, or install them')
    .requiredOption('-i, --inventory <file...>', 'one or more inventories')
    .option('--install [file]', 'keep the lines in one marked block of this file (default: ~/.ssh/known_hosts)')
    .option('--json', 'one JSON object on stdout');
  return addWorkspaceFlag(command).action((flags: Flags) =>
    finish(io, flags.json === true, async () => {
      const workspace = await findWorkspace(io, flags);
      const inventories = await Promise.all(flags.inventory.map((file) => readInventory(io, file)));
      const { host: authority } = await readWorkspaceAuthorities(workspace);
      const { certAuthorityLines, namesAndPorts } = await import('../client/known-hosts-block.ts');
      const hosts = inventories.flatMap((inventory) => inventory.hosts);
      const lines = certAuthorityLines(hosts, [authority.publicKey], `ensign host authority (${workspace.organization})`);
      const facts = { authority: authority.fingerprint, names: namesAndPorts(hosts), lines };
      if (flags.install === undefined) {
        if (flags.json === true) io.out(JSON.stringify(facts, null, 2));
        else lines.forEach((line) => io.out(line));
        return EXIT.good;
      }
      const file = flags.install === true ? join(io.env['HOME'] ?? homedir(), '.ssh', 'known_hosts') : resolve(io.cwd, flags.install);
      const outcome = await install(io, file, lines, authority.publicKey);
      if (flags.json === true) io.out(JSON.stringify({ ...facts, file, outcome }, null, 2));
      else io.out(`${paint(io, 'good', outcome)} ${file}: ${plural(facts.names.length, 'name')} under the authority ${authority.fingerprint}`);
      return EXIT.good;
    }),
  );
}

async function install(io: Io, file: string, lines: readonly string[], authority: PublicKey): Promise<string> {
  const { withBlock, revokingLines } = await import('../client/known-hosts-block.ts');
  const { editFile } = await import('../client/edit-file-adapter.ts');
  let installed = '';
  const outcome = await editFile(file, (text) => (installed = withBlock(text, lines, file)));
  for (const at of revokingLines(installed, file, authority)) {
    io.note(`${paint(io, 'warn', 'warning')} ${formatLocation(at)}: an @revoked line takes this authority back, so ssh refuses the hosts that it certified`);
  }
  return outcome;
}
