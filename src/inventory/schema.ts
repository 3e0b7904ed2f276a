import { z } from 'zod';
import { jump, JUMP_KEYS } from './jump-entry.ts';
import { agent, concurrency, connectTimeout, environmentName, fingerprint, firstContact, groupName, hostName, identityFile, listOf, login, port, principal, profile } from './values.ts';

const settings = {
  user: login.meta({ description: 'Login for the connection. Default: --user, then your own login name.' }).optional(),
  port: port.optional(),
  identityFile: identityFile.meta({ description: 'Private key for the connection: an absolute path, or ~/...' }).optional(),
  agent: agent.optional(),
  become: z.enum(['none', 'sudo', 'doas'], { error: 'expected none, sudo or doas' }).meta({ description: 'How to be root on the host. Default none.' }).optional(),
  firstContact: firstContact.optional(),
  jump: jump.optional(),
  transport: z
    .enum(['node-ssh', 'openssh'], { error: 'expected node-ssh or openssh' })
    .meta({ description: 'What carries the session: ensign itself (node-ssh, the default), or the ssh of this machine with its ssh_config and hardware keys.' })
    .optional(),
  profile: profile.meta({ description: 'Profile of ensign.yaml by which the host certificate is issued. Default host.' }).optional(),
  connectTimeout: connectTimeout.meta({ description: 'How long a connection may take, 1s to 5m.' }).optional(),
};

const logins = z
  .record(login, listOf(principal, 'principals'), { error: mapOf('login: [principal, ...]') })
  .meta({ description: 'Login on the host -> principals that may use it. Nothing else accepts certificates. A host adds to its groups; for the same login the host decides.' });

const host = strictObject({
  ...settings,
  address: hostName.meta({ description: 'Where to connect. Default: the name of the host.' }).optional(),
  names: listOf(hostName, 'names').meta({ description: 'More names for the host certificate, besides the name, the address and the unique short name.' }).optional(),
  hostKey: fingerprint.meta({ description: 'SHA256:... of the one host key to trust at first contact; means firstContact: pinned.' }).optional(),
  groups: listOf(groupName, 'groups').meta({ description: 'Groups that the host joins besides the one it stands under.' }).optional(),
  logins: logins.optional(),
});

const hosts = z
  .record(z.string(), host.nullable(), { error: mapOf('host names, each with a colon: "web-01.example.com:"') })
  .meta({ description: 'Name of the host, or a range like web-[01:03].example.com -> its settings, possibly none.' });

const group = strictObject({
  ...settings,
  groups: listOf(groupName, 'groups')
    .meta({ description: 'Outer groups that this one is part of. Its hosts are theirs as well; where both say something, this group decides.' })
    .optional(),
  concurrency: concurrency.optional(),
  hosts: hosts.nullish(),
  logins: logins.optional(),
});

/** The one description of an inventory file: validation, messages and the JSON schema for editors come from it. */
export const inventorySchema = strictObject({
  version: z.literal(1, { error: 'expected 1, the only version of this format' }),
  environment: environmentName.meta({ description: 'Place in the promotion order, such as staging or production. Scopes ids and principals.' }),
  defaults: strictObject(settings).meta({ description: 'Settings of every host that its groups and the host itself do not change.' }).nullish(),
  groups: z.record(groupName, group.nullable(), { error: mapOf('group names') }).nullish(),
  hosts: hosts.meta({ description: 'Hosts that stand under no group.' }).nullish(),
});

export type InventoryFile = z.infer<typeof inventorySchema>;
export type GroupEntry = z.infer<typeof group>;
export type HostEntry = z.infer<typeof host>;
export type Settings = Pick<GroupEntry, keyof typeof settings>;

/** Keys that have a meaning, in the order of the documentation. */
export const KNOWN_KEYS = {
  root: Object.keys(inventorySchema.shape),
  defaults: Object.keys(settings),
  group: Object.keys(group.shape),
  host: Object.keys(host.shape),
  jump: JUMP_KEYS,
} as const;

export const SETTING_KEYS = Object.keys(settings) as readonly (keyof typeof settings)[];

/** The JSON schema that editors use, made from {@link inventorySchema}. */
export function inventoryJsonSchema(): object {
  return { ...z.toJSONSchema(inventorySchema, { io: 'input', reused: 'ref' }), title: 'ensign inventory' };
}

function strictObject<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, { error: (issue) => (issue.code === 'invalid_type' ? 'expected keys with values' : undefined) });
}

function mapOf(what: string): string {
  return `expected ${what}`;
}
