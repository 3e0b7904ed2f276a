import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/**
 * A security key in software: OpenSSH's own, from its regression tests (Debian: openssh-tests). It signs as a FIDO
 * token does, application, flags and counter included, and takes every touch for given.
 */
export const SECURITY_KEY_PROVIDER = '/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so';

/** Makes PATH, a handle that opens nothing by itself, and PATH.pub. */
export function makeSecurityKey(path: string, type: 'ed25519-sk' | 'ecdsa-sk'): void {
  if (!existsSync(SECURITY_KEY_PROVIDER)) throw new Error(`there is no ${SECURITY_KEY_PROVIDER}: apt-get install --no-install-recommends openssh-tests, or node scripts/setup.mjs`);
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', `test ${type}`, '-w', SECURITY_KEY_PROVIDER, '-f', path], { timeout: 20_000 });
}
