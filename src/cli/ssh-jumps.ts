import { existsSync } from 'node:fs';
import { usageError } from '../base/errors.ts';
import type { JumpHost } from '../inventory/host.ts';
import { parseJump, type JumpEntry } from '../inventory/jump-entry.ts';
import { readSshConfig } from '../ssh/ssh-config-adapter.ts';
import type { SshConfig } from '../ssh/ssh-config.ts';
import type { LoginTarget } from './credentials.ts';

/** Who asks, and which file. */
export interface SshAsker {
  readonly home: string;
  readonly localUser: string;
  readonly file?: string;
}

const LONGEST_CHAIN = 8;

/** Jump hosts out of ProxyJump: each one is looked up in ssh_config itself, once a run. Their keys are judged strictly. */
export class SshJumps {
  readonly #ask: SshAsker;
  readonly #configs = new Map<string, Promise<SshConfig>>();

  constructor(ask: SshAsker) {
    this.#ask = ask;
  }

  /**
   * The way that a configuration names, the nearest first. The first jump host may have a way of its own; the others are
   * reached from the one before, as in ssh.
   * @throws AppError `inventory/bad-jump`, `ssh-config/jump-loop`, `ssh-config/jump-proxy`
   */
  async to(config: SshConfig, name: string, depth = 0): Promise<readonly JumpHost[]> {
    // `Host *` names a jump host for itself as well, which ssh lets pass
    const written = config.proxyJump.filter((text) => hostOf(text) !== name);
    if (written.length + depth > LONGEST_CHAIN) {
      throw usageError('ssh-config/jump-loop', `ssh_config leads to ${name} by more than ${LONGEST_CHAIN} jump hosts`, { hint: 'do two hosts name each other as ProxyJump?' });
    }
    const hops: JumpHost[] = [];
    for (const text of written) {
      const entry = entryOf(text, name);
      const hop = await this.#config(entry);
      if (hop.proxyCommand !== undefined && hop.proxyJump.length === 0) {
        throw usageError('ssh-config/jump-proxy', `ssh_config reaches jump host ${entry.address} by a ProxyCommand, which ensign runs for hosts only`, { hint: 'give jump hosts with --jump, or use ProxyJump for it' });
      }
      if (hops.length === 0) hops.push(...(await this.to(hop, entry.address, depth + written.length)));
      hops.push(jumpHost(entry, hop));
    }
    return hops;
  }

  #config(entry: JumpEntry): Promise<SshConfig> {
    const key = `${entry.user ?? ''}@${entry.address}:${entry.port ?? ''}`;
    const config = this.#configs.get(key) ?? readSshConfig({ ...this.#ask, name: entry.address, ...(entry.user === undefined ? {} : { user: entry.user }), ...(entry.port === undefined ? {} : { port: entry.port }) });
    this.#configs.set(key, config);
    return config;
  }
}

function jumpHost(entry: JumpEntry, config: SshConfig): JumpHost {
  return {
    name: entry.address,
    address: config.hostName,
    port: config.port,
    user: config.user,
    ...keysOf(config),
    firstContact: 'known-hosts',
    hostKey: undefined,
    connectTimeout: config.connectTimeout,
  };
}

/** What ssh_config has for keys: its first file that is there, and which agent, if any. */
export function keysOf({ identityFiles, identityAgent }: SshConfig): Omit<LoginTarget, 'name'> {
  return {
    identityFile: identityFiles.find((path) => existsSync(path)),
    agent: identityAgent !== 'none',
    ...(identityAgent === undefined || identityAgent === 'none' ? {} : { agentSocket: identityAgent }),
  };
}

function entryOf(text: string, name: string): JumpEntry {
  const entry = parseJump(plain(text));
  if (!('problem' in entry)) return entry;
  throw usageError(entry.problem.code, `ProxyJump of ${name} in ssh_config: ${entry.problem.message}`, { hint: entry.problem.hint });
}

function hostOf(text: string): string | undefined {
  const entry = parseJump(plain(text));
  return 'problem' in entry ? undefined : entry.address;
}

/** ssh takes URLs and capital letters too. */
function plain(text: string): string {
  const [, user = '', rest = ''] = /^(?:ssh:\/\/)?(?:([^@]*@)?)(.*?)\/?$/.exec(text) ?? [];
  return `${user}${rest.toLowerCase()}`;
}
