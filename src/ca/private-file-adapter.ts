import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AppError } from '../base/errors.ts';
import { usageError } from '../base/errors.ts';

const OTHERS = 0o077;

/**
 * Reads a file that only its owner may read. What is checked is the open file, not the path, so that nothing can be
 * swapped in between.
 * @throws AppError `ca/missing`, `ca/unsafe-permissions`
 */
export async function readPrivateFile(path: string, what: string): Promise<Buffer> {
  let handle: FileHandle;
  try {
    // NONBLOCK: a FIFO must not hang us
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw openError(path, what, error);
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw unsafe(`${what} ${path} is not a regular file`, 'name a regular file');
    assertOwner(path, what, stat.uid);
    if ((stat.mode & OTHERS) !== 0) {
      throw unsafe(`${what} ${path} can be read or written by others (mode ${modeText(stat.mode)})`, `run: chmod 600 ${path}; if others may have read it, replace what it holds`);
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/**
 * Refuses a folder that others can enter, that belongs to somebody else, or that is a symbolic link.
 * @throws AppError `ca/missing`, `ca/unsafe-permissions`
 */
export async function assertPrivateFolder(path: string): Promise<void> {
  let stat;
  try {
    stat = await lstat(path);
  } catch (error) {
    throw openError(path, 'key folder', error);
  }
  if (stat.isSymbolicLink()) throw unsafe(`key folder ${path} is a symbolic link`, 'name the folder itself: whoever owns the link could point it elsewhere');
  if (!stat.isDirectory()) throw unsafe(`key folder ${path} is not a folder`, 'see ca.directory in ensign.yaml');
  assertOwner(path, 'key folder', stat.uid);
  if ((stat.mode & OTHERS) !== 0) {
    throw unsafe(`key folder ${path} is open to others (mode ${modeText(stat.mode)})`, `run: chmod 700 ${path}`);
  }
}

/** Makes a folder with mode 0700, whatever the umask says. It must not exist. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  await chmod(path, 0o700);
}

/** Writes a file whole or not at all: temporary file, fsync, rename, fsync of the folder. */
export async function writeFileAtomically(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${process.pid}.${process.hrtime.bigint().toString(36)}.tmp`);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function assertOwner(path: string, what: string, uid: number): void {
  const me = process.getuid?.();
  // root works in anybody's folder (sudo); others only with what is theirs or root's
  if (me !== undefined && me !== 0 && uid !== me && uid !== 0) throw unsafe(`${what} ${path} belongs to another user (uid ${uid})`, 'it must belong to you');
}

function openError(path: string, what: string, error: unknown): AppError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ELOOP') return unsafe(`${what} ${path} is a symbolic link`, 'name the file itself');
  const why = code === 'ENOENT' ? 'does not exist' : code === 'EACCES' ? 'may not be read by you' : `cannot be opened (${code ?? 'unknown'})`;
  const hint = what.includes('key') ? 'see ca in ensign.yaml; `ensign init` makes a workspace' : 'check the path, and who may read it';
  return usageError('ca/missing', `${what} ${path} ${why}`, { hint, cause: error });
}

function unsafe(message: string, hint: string): AppError {
  return usageError('ca/unsafe-permissions', message, { hint });
}

function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
