import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import pLimit from 'p-limit';
import { usageError } from '../base/errors.ts';
import type { Host, JumpHost, Transport } from '../inventory/host.ts';
import { connectNodeSsh } from '../ssh/node-ssh-adapter.ts';
import { openSshConnector } from '../ssh/openssh-adapter.ts';
import { proxyCommandDial } from '../ssh/proxy-command-adapter.ts';
import type { Connect, Dial } from '../ssh/session.ts';
import { readSshConfig } from '../ssh/ssh-config-adapter.ts';
import type { SshConfig } from '../ssh/ssh-config.ts';
import type { Way, Ways } from '../ssh/ways.ts';
import type { Io } from './io.ts';
import { keysOf, SshJumps } from './ssh-jumps.ts';

export interface ReachFlags {
  readonly transport?: Transport;
  /** A file, `none`, or true for the usual ones. */
  readonly sshConfig?: string | true;
  readonly jump?: string;
  readonly user?: string;
}

/** The hosts as they are reached, and what reaches them. */
export interface Reach {
  readonly hosts: readonly Host[];
  /** What logs in to jump hosts. */
  readonly jumpConnect: Connect;
  /** @param host one of `hosts` */
  wayTo(ways: Ways<JumpHost>, host: Host): Way;
}

// each is a process that lives for some milliseconds, unless ssh_config has it run others
const AT_ONCE = 8;
const LONGEST_CONNECT_S = 300;

/**
 * Decides by which transport each host is reached, and fills in from ssh_config what the inventory does not say. It is
 * read for hosts of the transport openssh, as ssh would, and for all hosts with --ssh-config; once a host, and before
 * anything is connected to. What the inventory says stands; port 22, and an address that is the name, count as not said.
 * @throws AppError `ssh-config/...`, `ssh/no-client`, `inventory/bad-jump` for a ProxyJump
 */
export async function reachHosts(io: Io, flags: ReachFlags, hosts: readonly Host[], home: string): Promise<Reach> {
  const file = typeof flags.sshConfig === 'string' && flags.sshConfig !== 'none' ? resolve(io.cwd, flags.sshConfig) : undefined;
  const ask = { home, localUser: userInfo().username, ...(file === undefined ? {} : { file }) };
  const jumps = new SshJumps(ask);
  const configs = new WeakMap<Host, SshConfig>();
  const chosen = await pLimit(AT_ONCE).map(hosts, async (written) => {
    const host = flags.transport === undefined ? written : { ...written, transport: flags.transport };
    if (flags.sshConfig === 'none' || (flags.sshConfig === undefined && host.transport !== 'openssh')) return host;
    const user = host.user ?? flags.user;
    const config = await readSshConfig({
      ...ask,
      name: host.name,
      ...(user === undefined ? {} : { user }),
      ...(host.port === 22 ? {} : { port: host.port }),
      ...(host.address === host.name ? {} : { address: host.address }),
    });
    const settled = host.jump.length > 0 || flags.jump !== undefined;
    const merged = merge(host, flags, config, settled ? host.jump : await jumps.to(config, host.name));
    // a way that is settled takes the place of both kinds of proxies
    configs.set(merged, settled || config.proxyJump.length > 0 ? withoutProxy(config) : config);
    return merged;
  });
  const onTouch = (name: string): void => io.note(`${name}: touch the security key if it blinks`);
  return {
    hosts: chosen,
    jumpConnect: chosen.every(({ transport }) => transport === 'openssh') ? openSshConnector({ onTouch }) : connectNodeSsh,
    wayTo: (ways, host) => {
      const config = configs.get(host);
      const way = ways.to(host.jump, host.transport === 'openssh' ? openSshConnector({ specialities: config?.specialities ?? [], onTouch }) : connectNodeSsh);
      const dial = config === undefined ? undefined : proxyDial(host, config, ask.localUser);
      if (dial === undefined) return way;
      return { connect: (options) => way.connect({ ...options, dial }), scan: (options) => way.scan({ ...options, dial }) };
    },
  };
}

function merge(host: Host, flags: ReachFlags, config: SshConfig, jump: readonly JumpHost[]): Host {
  const { identityFile, agent, ...agentSocket } = keysOf(config);
  return {
    ...host,
    address: config.hostName,
    port: config.port,
    user: host.user ?? flags.user ?? config.user,
    identityFile: host.identityFile ?? identityFile,
    agent: host.agent && agent,
    ...agentSocket,
    connectTimeout: host.connectTimeout ?? (config.connectTimeout === undefined ? undefined : Math.min(config.connectTimeout, LONGEST_CONNECT_S)),
    jump,
  };
}

function proxyDial(host: Host, { proxyCommand, proxyUseFdpass }: SshConfig, localUser: string): Dial | undefined {
  if (proxyCommand === undefined) return undefined;
  if (proxyUseFdpass) {
    throw usageError('ssh-config/fdpass', `the ProxyCommand of ${host.name} hands over an open connection (ProxyUseFdpass), which ensign cannot take`, { hint: 'use a ProxyCommand that carries the bytes itself, or jump hosts' });
  }
  return proxyCommandDial({ command: proxyCommand, name: host.name, user: host.user ?? localUser });
}

function withoutProxy(config: SshConfig): SshConfig {
  const { proxyCommand, ...rest } = config;
  return proxyCommand === undefined ? config : rest;
}
