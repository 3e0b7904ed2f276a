import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../base/sync-folder-adapter.ts';
import { AppError } from '../base/errors.ts';
import { type PublicKey, samePublicKey } from '../wire/public-key.ts';
import { parseKnownHosts } from './known-hosts.ts';
import { formatKnownHostsLine } from './known-hosts-field.ts';

export interface LearnedKey {
  /** The name or address that the host was reached by, without port. */
  readonly name: string;
  readonly port: number;
  readonly key: PublicKey;
  readonly comment?: string;
}

/**
 * Adds a line to ensign's own known_hosts, unless the key is there already; the file is made with mode 0600. Several
 * processes may do this at once and no line is lost: the file is never rewritten, and a line is one write in append
 * mode, which the kernel does not interleave with another. The line is on disk when this returns.
 * @throws AppError `ssh/known-hosts-unwritable`
 */
export async function appendKnownHost(file: string, learned: LearnedKey): Promise<void> {
  try {
    const handle = await open(file, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK, 0o600);
    try {
      await append(handle, file, learned);
    } finally {
      await handle.close();
    }
    await syncFolder(dirname(file));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (cause instanceof AppError || code === undefined) throw cause;
    throw unwritable(file, code, cause);
  }
}

async function append(handle: FileHandle, file: string, { name, port, key, comment }: LearnedKey): Promise<void> {
  if (!(await handle.stat()).isFile()) throw unwritable(file, 'it is not a regular file');
  const text = (await handle.readFile()).toString('latin1');
  const known = parseKnownHosts(text, file).lookup(name, port);
  if (known.some((entry) => entry.marker === 'none' && samePublicKey(entry.key, key))) return;
  // what a crash or an editor left without a newline must not swallow our line; an empty line more does no harm
  const separator = text === '' || text.endsWith('\n') ? '' : '\n';
  const bytes = Buffer.from(`${separator}${formatKnownHostsLine([name], port, key, comment)}\n`);
  const { bytesWritten } = await handle.write(bytes);
  if (bytesWritten !== bytes.length) throw unwritable(file, 'the disk is full');
  await handle.sync();
}

function unwritable(file: string, why: string, cause?: unknown): AppError {
  return new AppError('ssh/known-hosts-unwritable', `the host key cannot be written to ${file} (${why})`, {
    hint: 'make the file writable for you: a key that is not remembered cannot be compared the next time',
    cause,
  });
}
