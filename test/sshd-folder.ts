import { existsSync, mkdirSync, rmdirSync } from 'node:fs';

/**
 * Global set-up of the unit tests. An sshd that root starts wants /run/sshd, which is there only while the machine's own sshd runs;
 * on a machine where it never ran, tests that start one on loopback need it.
 */
export function setup(): (() => void) | undefined {
  const folder = '/run/sshd';
  if (process.getuid?.() !== 0 || existsSync(folder)) return undefined;
  mkdirSync(folder, { mode: 0o755 });
  return () => {
    rmdirSync(folder);
  };
}
