import { resolve } from 'node:path';
import { usageError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { printable } from '../base/text.ts';
import { readPrivateFile } from '../ca/private-file-adapter.ts';
import { LoginPassword } from '../ssh/login-password.ts';
import type { Ask } from '../ssh/session.ts';
import type { Io } from './io.ts';
import { oneLine } from './passphrase.ts';
import { askLine, hearingCtrlC } from './terminal.ts';

export interface PasswordFlags {
  readonly askPassword?: boolean;
  readonly passwordFile?: string;
}

const LONGEST_LINE = 300;
const MOST_LINES = 20;

/**
 * The password for logins, from a file or from a person; undefined when no flag asks for one.
 * @throws AppError `ssh/bad-password`, `ssh/no-terminal`, `ca/missing`, `ca/unsafe-permissions`
 */
export async function readLoginPassword(io: Io, flags: PasswordFlags): Promise<LoginPassword | undefined> {
  if (flags.passwordFile !== undefined && flags.askPassword === true) {
    throw usageError('ssh/bad-password', 'a password comes from one place', { hint: 'give --password-file or --ask-password, not both' });
  }
  if (flags.passwordFile !== undefined) {
    const file = resolve(io.cwd, flags.passwordFile);
    return new LoginPassword(oneLine(await readPrivateFile(file, 'password file'), 'ssh/bad-password', `the password in ${file}`));
  }
  if (flags.askPassword !== true) return undefined;
  if (!io.interactive) throw usageError('ssh/no-terminal', 'there is no terminal to ask for the password on', { hint: 'give --password-file FILE (mode 0600)' });
  return new LoginPassword(await askLine(io, 'Password of the login on the hosts', false));
}

/** Puts a host's questions to the person at the terminal: in the host's own words made harmless, and with its name, as ssh does. */
export function askAtTerminal(io: Io): Ask {
  return ({ host, user, says, questions }, gone) =>
    io.terminal.turn(() =>
      hearingCtrlC(async () => {
        gone.throwIfAborted();
        for (const line of said(says)) io.note(`(${user}@${host}) ${line}`);
        const answers: Secret<string>[] = [];
        for (const { text, echo } of questions) answers.push(await askLine(io, `(${user}@${host}) ${said(text).join(' ')}`, echo, gone));
        return answers;
      }),
    );
}

function said(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => printable(line.trim()).slice(0, LONGEST_LINE));
  return lines.filter((line) => line !== '').slice(0, MOST_LINES);
}
