import { Command } from 'commander';
import type { ExitCode } from '../base/errors.ts';
import type { CommandFactory } from './program.ts';
import { finish } from './run.ts';
import { addPassphraseFlags } from './workspace-ca.ts';
import { addWorkspaceFlag, type WorkspaceFlags } from './workspace.ts';
import type { PassphraseFlags } from './passphrase.ts';

export interface SignFlags extends WorkspaceFlags, PassphraseFlags {
  readonly profile: string;
  readonly principal: readonly string[];
  readonly environment?: string;
  readonly hostId?: string;
  readonly ttl?: string;
  readonly forceCommand?: string;
  readonly sourceAddress: readonly string[];
  readonly pty: boolean;
  readonly portForwarding: boolean;
  readonly userRc: boolean;
  readonly agentForwarding?: boolean;
  readonly x11Forwarding?: boolean;
  readonly verifyRequired?: boolean;
  readonly identity?: string;
  readonly reason?: string;
  readonly json?: boolean;
}

export const caSignCommand: CommandFactory = (io) => {
  const command = new Command('sign')
    .description('sign public keys: writes KEY-cert.pub next to each KEY.pub')
    .argument('<key.pub...>', 'public keys')
    .option('-p, --profile <name>', 'profile of ensign.yaml', 'user')
    .option('-n, --principal <name>', 'who it is for: a principal, or a host name with a host profile (repeat it, or separate with commas)', addAll, [])
    .option('-e, --environment <name>', 'scope the principals: sre becomes NAME/sre')
    .option('--host-id <environment/name>', 'host profiles: the host that the names belong to')
    .option('--ttl <duration>', 'how long from now: 15m, 16h, 30d (default: the profile)')
    .option('--force-command <command>', 'the one command that it may run')
    .option('--source-address <cidr>', 'where it may be used from (repeat it, or separate with commas)', addAll, [])
    .option('--no-pty', 'no terminal')
    .option('--no-port-forwarding', 'no port forwarding')
    .option('--no-user-rc', 'do not run ~/.ssh/rc')
    .option('--agent-forwarding', 'allow agent forwarding')
    .option('--x11-forwarding', 'allow X11 forwarding')
    .option('--verify-required', 'security keys: demand the PIN at each use')
    .option('--identity <who>', 'who asks, for the key id (default: you@this-machine)')
    .option('--reason <text>', 'why, for the ledger')
    .option('--json', 'one JSON object on stdout');
  addPassphraseFlags(addWorkspaceFlag(command));
  return command.action((keys: string[], flags: SignFlags) =>
    finish(io, flags.json === true, async (): Promise<ExitCode> => {
      const { signKeys } = await import('./ca-sign-keys.ts');
      return signKeys(io, keys, flags);
    }),
  );
};

function addAll(value: string, before: readonly string[]): string[] {
  return [...before, ...value.split(',').map((part) => part.trim())];
}
