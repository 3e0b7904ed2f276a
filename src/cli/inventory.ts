import { Command } from 'commander';
import { EXIT } from '../base/errors.ts';
import { formatDuration } from '../base/duration.ts';
import { plural } from '../base/text.ts';
import type { Host, Inventory } from '../inventory/host.ts';
import type { Io } from './io.ts';
import { readInventory } from './read-inventory.ts';
import { finish } from './run.ts';
import { table } from './table.ts';

interface Flags {
  readonly inventory: string;
  readonly limit?: string;
  readonly json?: boolean;
}

/** `ensign inventory`: what an inventory means, after ranges, defaults and groups. Connects to nothing. */
export function inventoryCommand(io: Io): Command {
  return new Command('inventory')
    .description('show what an inventory means: every host with its settings, names and logins')
    .requiredOption('-i, --inventory <file>', 'the inventory')
    .option('-l, --limit <pattern>', 'only these hosts: names, globs, ranges, @group; commas join, &term keeps, !term takes away')
    .option('--json', 'one JSON object on stdout')
    .action((flags: Flags) =>
      finish(io, flags.json === true, async () => {
        const inventory = await readInventory(io, flags.inventory);
        const { selectHosts } = await import('../inventory/select.ts');
        const hosts = flags.limit === undefined ? inventory.hosts : selectHosts(inventory.hosts, flags.limit);
        if (flags.json === true) io.out(JSON.stringify(jsonOf(inventory, hosts), null, 2));
        else show(io, inventory, hosts);
        return EXIT.good;
      }),
    );
}

function show(io: Io, inventory: Inventory, hosts: readonly Host[]): void {
  const headings = ['HOST', 'ADDRESS', 'PORT', 'USER', 'BECOME', 'FIRST CONTACT', 'NAMES', 'GROUPS', 'LOGINS'];
  for (const line of table(io, headings, hosts.map(row))) io.out(line);
  const part = hosts.length === inventory.hosts.length ? '' : ` of ${inventory.hosts.length}`;
  io.note(`${plural(hosts.length, 'host')}${part} in environment ${inventory.environment}`);
}

function row(host: Host): string[] {
  return [
    host.name,
    host.address === host.name ? '' : host.address,
    String(host.port),
    host.user ?? '',
    host.become,
    host.firstContact,
    allNames(host).slice(1).join(','),
    host.groups.join(','),
    [...host.logins].map(([login, principals]) => `${login}=${principals.join(',')}`).join(' '),
  ].map((cell) => (cell === '' ? '-' : cell));
}

function allNames(host: Host): string[] {
  return host.shortName === undefined ? [...host.names] : [...host.names, host.shortName];
}

function jsonOf(inventory: Inventory, hosts: readonly Host[]): object {
  return {
    file: inventory.file,
    environment: inventory.environment,
    hosts: hosts.map(({ logins, connectTimeout, ...host }) => ({
      ...host,
      connectTimeout: connectTimeout === undefined ? undefined : formatDuration(connectTimeout),
      logins: Object.fromEntries(logins),
    })),
  };
}
