import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { Transport } from '../inventory/host.ts';
import type { LoginFlags } from './credentials.ts';
import { addPassphraseFlags } from './workspace-ca.ts';
import { addWorkspaceFlag } from './workspace.ts';

/** Flags of every command that connects to the hosts of an inventory. */
export interface FleetFlags extends LoginFlags {
  readonly inventory: string;
  readonly limit?: string;
  readonly workspace?: string;
  readonly passphraseFile?: string;
  readonly passphraseFd?: string;
  readonly user?: string;
  readonly jump?: string;
  readonly transport?: Transport;
  readonly sshConfig?: string | true;
  readonly askBecomePassword?: boolean;
  readonly becomePasswordFile?: string;
  readonly concurrency: number;
  readonly adopt?: boolean;
  readonly json?: boolean;
}

/** Declares them. */
export function addFleetFlags(command: Command): Command {
  command
    .requiredOption('-i, --inventory <file>', 'the inventory')
    .option('-l, --limit <pattern>', 'only these hosts: names, globs, ranges, @group; commas join, &term keeps, !term takes away')
    .option('--json', 'one JSON object on stdout')
    .option('--user <login>', 'login on the hosts, where the inventory names none')
    .option('-J, --jump <hosts>', 'jump hosts in place of those of the inventory: [user@]host[:port], commas join, the nearest first; none goes straight')
    .addOption(new Option('--transport <name>', 'what carries sessions, in place of the inventory\'s: openssh is the stock client, for keys on hardware').choices(['node-ssh', 'openssh']))
    .option('--ssh-config [file]', 'fill in from ssh_config what the inventory does not say, also for node-ssh; none leaves it out for openssh')
    .option('--ask-become-password', 'ask for the sudo password')
    .option('--become-password-file <file>', 'file (mode 0600) that holds the sudo password')
    .option('--adopt', 'write managed files anew that somebody else has edited')
    .option('--concurrency <n>', 'hosts at once', wholeNumber(1, 200), 20);
  return addPassphraseFlags(addWorkspaceFlag(addLoginFlags(command)));
}

/** Declares what to log in with. */
export function addLoginFlags(command: Command): Command {
  return command
    .option('--identity <file>', 'key to log in with, may be repeated; a .pub file names a key of the agent (default: the inventory, then the agent and ~/.ssh/id_*)', collect)
    .option('--key-passphrase-file <file>', 'file (mode 0600) that holds the passphrase of these keys')
    .option('--ask-password', 'ask for a password to log in with, for hosts that no key opens')
    .option('--password-file <file>', 'file (mode 0600) that holds that password');
}

// for commander: a flag that may be repeated
function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** A parser for whole numbers in a range, for commander. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,9}$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    return value;
  };
}
