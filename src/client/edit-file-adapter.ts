import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readlink, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { syncFolder } from '../base/sync-folder-adapter.ts';
import { AppError, usageError } from '../base/errors.ts';

export type EditOutcome = 'created' | 'changed' | 'unchanged';

const ATTEMPTS = 5;
const MOST_LINKS = 40;

interface Found {
  readonly text: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What to call the file in errors, which are told in the words of the command. */
export interface EditedKind {
  readonly codes: { readonly notAFile: string; readonly unwritable: string; readonly busy: string };
  /** `name a known_hosts file`. */
  readonly hint: string;
}

const KNOWN_HOSTS: EditedKind = { codes: { notAFile: 'known-hosts/not-a-file', unwritable: 'known-hosts/unwritable', busy: 'known-hosts/busy' }, hint: 'name a known_hosts file' };

/**
 * Rewrites a file that belongs to a person and that other programs write too. All or nothing: temporary file, fsync,
 * rename, fsync of the folder. A symbolic link stays and its target changes; mode and owner are kept; a new file gets
 * 0600, a new folder 0700. When the file changed while `edit` ran, `edit` runs again on the new text (latin1, one
 * character a byte). What `edit` throws comes out, and nothing was written.
 * @throws AppError `known-hosts/not-a-file`, `known-hosts/unwritable`, `known-hosts/busy`, or what `kind` calls them
 */
export async function editFile(path: string, edit: (text: string) => string, kind: EditedKind = KNOWN_HOSTS): Promise<EditOutcome> {
  try {
    const target = await linkTarget(path, kind);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = await readIfThere(target);
      const text = edit(before?.text ?? '');
      if (text === before?.text) return 'unchanged';
      if (await replace(target, before, text)) return before === undefined ? 'created' : 'changed';
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === undefined) throw cause;
    throw usageError(kind.codes.unwritable, `${path} cannot be written (${code})`, { hint: 'it is as it was; name another file, or see who owns it and its folder', cause });
  }
  throw new AppError(kind.codes.busy, `${path} kept changing while it was being written`, { hint: 'it is as others left it; try again' });
}

/** Follows links by hand, because the last one may point at a file that does not exist yet. */
async function linkTarget(path: string, kind: EditedKind): Promise<string> {
  let here = resolve(path);
  for (let i = 0; i < MOST_LINKS; i++) {
    const stat = await lstat(here).catch(ignoreMissing);
    if (stat === undefined) {
      await mkdir(dirname(here), { recursive: true, mode: 0o700 });
      return here;
    }
    if (stat.isFile()) return here;
    if (!stat.isSymbolicLink()) throw notAFile(path, kind);
    here = resolve(dirname(here), await readlink(here));
  }
  throw notAFile(path, kind);
}

async function readIfThere(path: string): Promise<Found | undefined> {
  // NONBLOCK: should a FIFO have come in between, it must not hang us
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(ignoreMissing);
  if (handle === undefined) return undefined;
  try {
    const { mode, uid, gid } = await handle.stat();
    return { text: (await handle.readFile()).toString('latin1'), mode: mode & 0o7777, uid, gid };
  } finally {
    await handle.close();
  }
}

/** False when the file is no longer what it was; then nothing happened. */
async function replace(path: string, before: Found | undefined, text: string): Promise<boolean> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(Buffer.from(text, 'latin1'));
      if (before !== undefined) await keepOwnerAndMode(handle, before);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // the last moment to notice a line that ssh has just added
    if ((await readIfThere(path))?.text !== before?.text) return false;
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
  return true;
}

async function keepOwnerAndMode(handle: FileHandle, before: Found): Promise<void> {
  const mine = await handle.stat();
  if (mine.uid !== before.uid || mine.gid !== before.gid) await handle.chown(before.uid, before.gid);
  // after chown, which clears some bits
  await handle.chmod(before.mode);
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}

function notAFile(path: string, { codes, hint }: EditedKind): AppError {
  return usageError(codes.notAFile, `${path} is not a regular file`, { hint });
}
