import { execFile } from 'node:child_process';
import { usageError, type AppError } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { parseSshConfig, type SshConfig, type SshConfigContext } from './ssh-config.ts';

export interface SshConfigQuestion extends SshConfigContext {
  /** The file to read in place of ~/.ssh/config and the one of the system. */
  readonly file?: string;
  /** What is settled already, and what `Match` and tokens go by. */
  readonly user?: string;
  readonly port?: number;
  readonly address?: string;
}

const TIMEOUT_MS = 30_000;
const MAX_OUTPUT = 1024 * 1024;

/**
 * What ssh_config says about a host: `ssh -G`, which connects to nothing. It does what ssh does while it reads its
 * configuration, and that is all: `Match exec` runs its command, canonical names are looked up where they are wanted.
 * @throws AppError `ssh-config/bad`, `ssh-config/slow`, `ssh/no-client`
 */
export function readSshConfig(question: SshConfigQuestion, program = 'ssh'): Promise<SshConfig> {
  const { name, file, user, port, address } = question;
  const args = [
    '-G',
    ...(file === undefined ? [] : ['-F', file]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', `${port}`]),
    ...(address === undefined ? [] : ['-o', `HostName=${address}`]),
    '--',
    name,
  ];
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT, env: { ...process.env, LC_ALL: 'C' } }, (error, stdout, stderr) => {
      const config = error === null ? parseSshConfig(stdout, question) : undefined;
      if (config !== undefined) resolve(config);
      else reject(problem(question, error, stderr));
    });
    child.stdin?.on('error', () => undefined).end();
  });
}

function problem({ name, file }: SshConfigQuestion, error: (Error & { code?: unknown; killed?: boolean }) | null, stderr: string): AppError {
  if (error?.code === 'ENOENT') return usageError('ssh/no-client', 'there is no OpenSSH client to read ssh_config with', { cause: error, hint: 'install openssh-client, or leave ssh_config out: --ssh-config none' });
  if (error?.killed === true) {
    return usageError('ssh-config/slow', `ssh did not finish reading its configuration for ${name} within ${TIMEOUT_MS / 1000} s`, { cause: error, hint: 'look at the "Match exec" lines of your ssh_config' });
  }
  const said = printable(stderr.trim().split('\n')[0] ?? '').slice(0, 300);
  return usageError('ssh-config/bad', `ssh cannot read its configuration for ${name}${said === '' ? '' : `: ${said}`}`, {
    ...(error === null ? {} : { cause: error }),
    hint: `try \`ssh -G${file === undefined ? '' : ` -F ${file}`} ${name}\`; --ssh-config none leaves ssh_config out`,
  });
}
