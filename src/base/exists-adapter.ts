import { lstat } from 'node:fs/promises';

/** Whether there is anything at a path: a link that leads nowhere counts, since writing there would follow it. */
export async function entryExists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
