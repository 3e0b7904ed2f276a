import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { usageError, type AppError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { readPrivateFile } from '../ca/private-file-adapter.ts';
import type { Io } from './io.ts';
import { askLine } from './terminal.ts';

export interface PassphraseFlags {
  readonly passphraseFile?: string | undefined;
  readonly passphraseFd?: string | undefined;
}

const LONGEST = 4096;

/**
 * The passphrase of the CA keys: from the flags, from the configured file, or from a prompt when somebody can answer.
 * One line; its line end is not part of it.
 * @throws AppError `workspace/no-passphrase`, `workspace/bad-passphrase`, `ca/unsafe-permissions`
 */
export async function readPassphrase(io: Io, flags: PassphraseFlags, configured?: string): Promise<Secret<string>> {
  const given = await passphraseFromFlags(io, flags, configured);
  if (given !== undefined) return given;
  if (!io.interactive) {
    throw usageError('workspace/no-passphrase', 'the passphrase of the CA keys is needed, and there is no terminal to ask on', {
      hint: 'give --passphrase-file FILE (mode 0600) or --passphrase-fd N, or set ca.passphraseFile in ensign.yaml',
    });
  }
  return askLine(io, 'Passphrase of the CA keys', false);
}

/** Like {@link readPassphrase}, but never asks: undefined when nothing was given. */
export async function passphraseFromFlags(io: Pick<Io, 'cwd'>, flags: PassphraseFlags, configured?: string): Promise<Secret<string> | undefined> {
  if (flags.passphraseFile !== undefined && flags.passphraseFd !== undefined) {
    throw usageError('workspace/bad-passphrase', 'a passphrase comes from one place', { hint: 'give --passphrase-file or --passphrase-fd, not both' });
  }
  if (flags.passphraseFd !== undefined) return fromDescriptor(flags.passphraseFd);
  const file = flags.passphraseFile === undefined ? configured : resolve(io.cwd, flags.passphraseFile);
  return file === undefined ? undefined : oneLine(await readPrivateFile(file, 'passphrase file'), 'workspace/bad-passphrase', `the passphrase in ${file}`);
}

async function fromDescriptor(text: string): Promise<Secret<string>> {
  const where = `file descriptor ${JSON.stringify(text)}`;
  if (!/^\d{1,4}$/.test(text)) throw usageError('workspace/bad-passphrase', `${where} is not a number`, { hint: 'write --passphrase-fd 3 3<FILE' });
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of createReadStream('', { fd: Number(text), autoClose: false })) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > LONGEST) break;
    }
  } catch (error) {
    throw usageError('workspace/bad-passphrase', `${where} cannot be read`, { hint: 'write --passphrase-fd 3 3<FILE', cause: error });
  }
  return oneLine(Buffer.concat(chunks), 'workspace/bad-passphrase', `the passphrase in ${where}`);
}

/**
 * A secret from a file: one line, whose end is not part of it. `what` names it in messages.
 * @throws AppError `code` for anything else
 */
export function oneLine(bytes: Buffer, code: string, what: string): Secret<string> {
  const bad = (why: string): AppError => usageError(code, `${what} ${why}`, { hint: 'it is one line of text' });
  if (bytes.length > LONGEST) throw bad('is too long');
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (text === '') throw bad('is empty');
  if (/[\r\n\0]/.test(text)) throw bad('has more than one line');
  return new Secret(text);
}
