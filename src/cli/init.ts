import { Command, Option } from 'commander';
import { EXIT } from '../base/errors.ts';
import type { CommandFactory } from './program.ts';
import type { InitFlags } from './init-answers.ts';
import { paint, type Io } from './io.ts';
import { finish } from './run.ts';
import { addPassphraseFlags } from './workspace-ca.ts';

// the same as KEY_TYPES, written out so that `--help` loads nothing; a test compares them
export const INIT_KEY_TYPES = ['ed25519', 'ecdsa-256', 'ecdsa-384', 'rsa-3072', 'rsa-4096'] as const;

export const initCommand: CommandFactory = (io) => {
  const command = new Command('init')
    .description('make a workspace: two authorities, ensign.yaml and starter inventories')
    .argument('[dir]', 'folder of the workspace', '.')
    .option('-y, --yes', 'ask nothing')
    .option('--organization <name>', 'name shown in listings (default: the name of the folder)')
    .addOption(new Option('--key-type <type>', 'type of both keys (default: ed25519)').choices(INIT_KEY_TYPES))
    .option('--new-passphrase-file <file>', 'make up a passphrase and write it to this file (mode 0600)')
    .addOption(new Option('--user-key <file>', 'public key of the user authority, held by your ssh-agent'))
    .addOption(new Option('--host-key <file>', 'public key of the host authority, held by your ssh-agent'))
    .option('--json', 'one JSON object on stdout');
  addPassphraseFlags(command);
  return command.action((dir: string, flags: InitFlags & { json?: boolean }) => finish(io, flags.json === true, () => run(io, dir, flags, flags.json === true)));
};

async function run(io: Io, dir: string, flags: InitFlags, json: boolean): Promise<0> {
  const { askForInit } = await import('./init-answers.ts');
  const { createWorkspace } = await import('./init-write.ts');
  const answers = await askForInit(io, dir, flags);
  const made = await createWorkspace(io, answers);
  if (json) {
    const authorities = Object.values(made.authorities).map((a) => ({ purpose: a.purpose, fingerprint: a.fingerprint, type: a.publicKey.type }));
    io.out(JSON.stringify({ workspace: answers.root, authorities, files: made.files }));
    return EXIT.good;
  }
  for (const { purpose, fingerprint } of Object.values(made.authorities)) io.out(`${paint(io, 'good', 'made')} ${purpose} authority ${fingerprint}`);
  for (const file of made.files) io.out(`${paint(io, 'good', 'made')} ${file}`);
  io.note('');
  io.note(paint(io, 'bold', 'What to do next'));
  const cd = answers.root === io.cwd ? [] : [`go to the workspace:        cd ${quoteForReading(answers.root)}`];
  const steps = [
    ...cd,
    'name your hosts:            edit inventories/staging.yaml',
    'see what would change:      ensign plan -i inventories/staging.yaml',
    'change it:                  ensign apply -i inventories/staging.yaml',
    'end fingerprint questions:  ensign known-hosts -i inventories/staging.yaml --install',
    'a certificate for yourself: ensign ca sign --profile user --environment staging --principal sre ~/.ssh/id_ed25519.pub',
  ];
  for (const [i, step] of steps.entries()) io.note(`  ${i + 1}. ${step}`);
  io.note(answers.passphraseNote);
  return EXIT.good;
}

/** For a line that a person copies; nothing is executed from it. */
function quoteForReading(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
