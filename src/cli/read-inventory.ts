import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { usageError } from '../base/errors.ts';
import type { Inventory } from '../inventory/host.ts';
import type { Io } from './io.ts';

/**
 * Reads and checks the inventory that `-i` names.
 * @throws AppError `inventory/unreadable`, `inventory/not-text`, and those of `loadInventory`
 */
export async function readInventory(io: Pick<Io, 'cwd' | 'env'>, file: string): Promise<Inventory> {
  const { loadInventory } = await import('../inventory/load.ts');
  return loadInventory(await readText(resolve(io.cwd, file), file), file, { home: io.env['HOME'] ?? homedir() });
}

/**
 * The text of an inventory; `file` is its name in errors.
 * @throws AppError `inventory/unreadable`, `inventory/not-text`
 */
export async function readText(path: string, file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    const why: Readonly<Record<string, string>> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'permission denied' };
    throw usageError('inventory/unreadable', `cannot read the inventory: ${why[code] ?? code}`, { hint: 'give the path of a YAML file with -i', at: { file }, cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw usageError('inventory/not-text', 'the inventory is not UTF-8 text', { hint: 'save the file as UTF-8', at: { file }, cause });
  }
}
