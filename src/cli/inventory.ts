import { Command } from 'commander';
import { EXIT } from '../base/errors.ts';
import { formatDuration } from '../base/duration.ts';
import { plural } from '../base/text.ts';
import type { Host, Inventory, JumpHost } from '../inventory/host.ts';
import { inventoryFmtCommand } from './inventory-fmt.ts';
import type { Io } from './io.ts';
import { readInventory } from './read-inventory.ts';
import { finish } from './run.ts';
import { table } from './table.ts';

interface Flags {
  readonly inventory?: string;
  readonly limit?: string;
  readonly json?: boolean;
}

/** `ensign inventory`: what an inventory means, after ranges, defaults and groups. Connects to nothing. */
export function inventoryCommand(io: Io): Command {
  const command = new Command('inventory')
    .description('show what an inventory means: every host with its settings, names and logins')
    .enablePositionalOptions()
    // not a required option, because `ensign inventory fmt` would have it, too
    .option('-i, --inventory <file>', 'the inventory')
    .option('-l, --limit <pattern>', 'only these hosts: names, globs, ranges, @group; commas join, &term keeps, !term takes away')
    .option('--json', 'one JSON object on stdout')
    .addCommand(inventoryFmtCommand(io));
  return command.action((flags: Flags) => {
    const { inventory: file } = flags;
    if (file === undefined) return command.error("error: required option '-i, --inventory <file>' not specified", { code: 'commander.missingMandatoryOptionValue', exitCode: 1 });
    return finish(io, flags.json === true, async () => {
      const inventory = await readInventory(io, file);
      const { selectHosts } = await import('../inventory/select.ts');
      const hosts = flags.limit === undefined ? inventory.hosts : selectHosts(inventory.hosts, flags.limit);
      if (flags.json === true) io.out(JSON.stringify(jsonOf(inventory, hosts), null, 2));
      else show(io, inventory, hosts);
      return EXIT.good;
    });
  });
}

interface Column {
  readonly heading: string;
  readonly cell: (host: Host) => string;
  /** A column that says this of every host is left out. */
  readonly usual?: string;
}

const COLUMNS: readonly Column[] = [
  { heading: 'HOST', cell: ({ name }) => name },
  { heading: 'ADDRESS', cell: ({ name, address }) => (address === name ? '' : address) },
  { heading: 'PORT', cell: ({ port }) => String(port) },
  { heading: 'USER', cell: ({ user }) => user ?? '' },
  { heading: 'BECOME', cell: ({ become }) => become },
  { heading: 'JUMP', cell: ({ jump }) => jump.map(hopText).join(' > '), usual: '' },
  { heading: 'TRANSPORT', cell: ({ transport }) => transport, usual: 'node-ssh' },
  { heading: 'FIRST CONTACT', cell: ({ firstContact }) => firstContact },
  { heading: 'PROFILE', cell: ({ profile }) => profile, usual: 'host' },
  { heading: 'NAMES', cell: (host) => allNames(host).slice(1).join(',') },
  { heading: 'GROUPS', cell: ({ groups }) => groups.join(',') },
  { heading: 'LOGINS', cell: ({ logins }) => [...logins].map(([login, principals]) => `${login}=${principals.join(',')}`).join(' ') },
];

function show(io: Io, inventory: Inventory, hosts: readonly Host[]): void {
  const columns = COLUMNS.filter(({ cell, usual }) => usual === undefined || hosts.some((host) => cell(host) !== usual));
  const rows = hosts.map((host) => columns.map(({ cell }) => (cell(host) === '' ? '-' : cell(host))));
  for (const line of table(io, columns.map(({ heading }) => heading), rows)) io.out(line);
  const part = hosts.length === inventory.hosts.length ? '' : ` of ${inventory.hosts.length}`;
  const limits = [...inventory.concurrency].map(([group, limit]) => `${limit} of ${group}`);
  io.note(`${plural(hosts.length, 'host')}${part} in environment ${inventory.environment}${limits.length === 0 ? '' : `; at once at most ${limits.join(', ')}`}`);
}

/** `ops@gate.example:2022`, with what is not as usual only. */
function hopText({ name, user, port }: JumpHost): string {
  const host = port === 22 ? name : `${name.includes(':') ? `[${name}]` : name}:${port}`;
  return user === undefined ? host : `${user}@${host}`;
}

function allNames(host: Host): string[] {
  return host.shortName === undefined ? [...host.names] : [...host.names, host.shortName];
}

function jsonOf(inventory: Inventory, hosts: readonly Host[]): object {
  return {
    file: inventory.file,
    environment: inventory.environment,
    concurrency: Object.fromEntries(inventory.concurrency),
    hosts: hosts.map(({ logins, jump, ...host }) => ({
      ...withDuration(host),
      jump: jump.map(withDuration),
      logins: Object.fromEntries(logins),
    })),
  };
}

function withDuration<T extends { readonly connectTimeout: number | undefined }>(entry: T): Omit<T, 'connectTimeout'> & { connectTimeout: string | undefined } {
  const { connectTimeout, ...rest } = entry;
  return { ...rest, connectTimeout: connectTimeout === undefined ? undefined : formatDuration(connectTimeout) };
}
