import { randomBytes } from 'node:crypto';
import { homedir, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { usageError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { Ca } from '../ca/ca.ts';
import { readPrivateFile } from '../ca/private-file-adapter.ts';
import type { HostTask } from '../host/look.ts';
import type { HostPorts } from '../host/ports.ts';
import type { Host, Inventory } from '../inventory/host.ts';
import { selectHosts } from '../inventory/select.ts';
import { releaseDigest } from '../rollout/release.ts';
import { sameKeyCheck } from '../ssh/host-keys.ts';
import type { Way } from '../ssh/ways.ts';
import { readTemplate } from '../sshd/templates-adapter.ts';
import { openCredentialSource, type CredentialSource } from './credentials.ts';
import type { FleetFlags } from './fleet-flags.ts';
import { hostProfiles } from './host-profiles.ts';
import { connectTrusted, readHostTrust, type HostTrust } from './host-trust.ts';
import { operatorOf, type Io } from './io.ts';
import { caIssuer } from './issuer.ts';
import { withJumps } from './jump-flag.ts';
import { reachHosts } from './reach.ts';
import { readInventory } from './read-inventory.ts';
import { askLine } from './terminal.ts';
import { openWays } from './ways.ts';
import { findWorkspace, type Workspace } from './workspace.ts';
import { openWorkspaceCa, readWorkspaceAuthorities } from './workspace-ca.ts';

/** The chosen hosts of an inventory with everything that is needed to work on them. */
export interface Fleet {
  readonly inventory: Inventory;
  readonly hosts: readonly Host[];
  readonly release: string;
  taskFor(host: Host): HostTask;
  portsFor(host: Host, progress: (step: string) => void): HostPorts;
  close(): Promise<void>;
}

/** What a command is going to do with the CA: plans only ask who holds a name, applies sign. */
export type FleetPurpose = 'look' | 'change';

/** Reads inventory, workspace and authorities, and asks for secrets that are needed. The caller closes it. */
export async function openFleet(io: Io, flags: FleetFlags, purpose: FleetPurpose): Promise<Fleet> {
  const home = io.env['HOME'] ?? homedir();
  const inventory = await readInventory(io, flags.inventory);
  const wanted = withJumps(flags.limit === undefined ? inventory.hosts : selectHosts(inventory.hosts, flags.limit), flags.jump, inventory.hosts);
  const workspace = await findWorkspace(io, flags);
  const profileOf = hostProfiles(inventory.hosts, workspace.profiles, workspace.configFile);
  const authorities = await readWorkspaceAuthorities(workspace);
  const trust = await readHostTrust(io, workspace, authorities.host.publicKey, home);
  const reach = await reachHosts(io, flags, wanted, home);
  const { hosts } = reach;
  const credentials = await openCredentialSource(io, flags, home, hosts.flatMap((host) => [...host.jump, host]));
  const becomePassword = await readBecomePassword(io, flags);
  const ca = await openWorkspaceCa(io, workspace, { ...flags, unlock: purpose === 'look' ? [] : undefined });
  const operator = operatorOf(io);
  const ways = openWays(io, trust, credentials, reach.jumpConnect);
  const release = releaseDigest(
    { userAuthorities: [authorities.user.fingerprint], hostAuthorities: [authorities.host.fingerprint], templates: ['host/drop-in.conf.hbs', 'host/stage.sh', 'host/undo.sh', 'host/confirm.sh'].map(readTemplate) },
    inventory.hosts,
  );
  return {
    inventory,
    hosts,
    release,
    taskFor: (host) => ({
      host,
      userAuthorities: [authorities.user.publicKey],
      hostAuthority: authorities.host.publicKey,
      principals: scopedPrincipals(host, workspace),
      backdate: profileOf(host).backdate,
      release,
      operator,
      adopt: flags.adopt === true,
    }),
    portsFor: (host, progress) => hostPorts({ io, flags, host, way: reach.wayTo(ways, host), credentials, trust, ca, operator, becomePassword, progress }),
    close: async () => {
      await ways.close();
      await ca.close();
    },
  };
}

interface PortParts {
  readonly io: Io;
  readonly flags: FleetFlags;
  readonly host: Host;
  readonly way: Way;
  readonly credentials: CredentialSource;
  readonly trust: HostTrust;
  readonly ca: Ca;
  readonly operator: string;
  readonly becomePassword: Secret<string> | undefined;
  readonly progress: (step: string) => void;
}

function hostPorts({ io, flags, host, way, credentials, trust, ca, operator, becomePassword, progress }: PortParts): HostPorts {
  const { name, address, port, connectTimeout } = host;
  const base = { host: name, address, port, ...(connectTimeout === undefined ? {} : { connectTimeoutMs: connectTimeout * 1000 }) };
  return {
    clock: io.clock,
    hex: (bytes) => randomBytes(bytes).toString('hex'),
    wait: (ms) => wait(ms),
    progress,
    issuer: caIssuer(ca, operator, host.profile),
    scan: (algorithms) => way.scan({ address, port, algorithms, ...(connectTimeout === undefined ? {} : { timeoutMs: connectTimeout * 1000 }) }),
    connect: async (hostKey) => {
      const options = { ...base, user: host.user ?? flags.user ?? userInfo().username, credentials: await credentials(host), become: host.become, ...(becomePassword === undefined ? {} : { becomePassword }) };
      return hostKey === undefined
        ? connectTrusted(io, trust, host, way, options)
        : way.connect({ ...options, hostKey: sameKeyCheck(hostKey), hostKeyTypes: [hostKey.type] });
    },
    connectAs: (login, credential, hostKey) =>
      way.connect({ ...base, user: login, credentials: [credential], become: 'none', hostKey: sameKeyCheck(hostKey), hostKeyTypes: [hostKey.type] }),
  };
}

function scopedPrincipals(host: Host, workspace: Workspace): ReadonlyMap<string, readonly string[]> {
  return new Map([...host.logins].map(([login, principals]) => [login, principals.map((p) => (workspace.scopePrincipals ? `${host.environment}/${p}` : p))]));
}

async function readBecomePassword(io: Io, flags: FleetFlags): Promise<Secret<string> | undefined> {
  if (flags.becomePasswordFile !== undefined) {
    const text = (await readPrivateFile(resolve(io.cwd, flags.becomePasswordFile), 'password file')).toString('utf8');
    return new Secret(text.replace(/\r?\n$/, ''));
  }
  if (flags.askBecomePassword !== true) return undefined;
  if (!io.interactive) throw usageError('ssh/no-terminal', 'there is no terminal to ask for the sudo password on', { hint: 'give --become-password-file FILE (mode 0600)' });
  return askLine(io, 'sudo password on the hosts', false);
}
