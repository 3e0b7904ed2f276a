import { mkdirSync } from 'node:fs';

/**
 * Global set-up of the unit tests. An sshd that root starts wants /run/sshd, which is there only while the machine's own sshd runs;
 * on a machine where it never ran, tests that start one on loopback need it. It stays, empty: another run may be using it by now.
 */
export function setup(): void {
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
}
