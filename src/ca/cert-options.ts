import type { Purpose } from './authority.ts';

/**
 * What OpenSSH defines for each certificate type (PROTOCOL.certkeys, "Critical options" and "Extensions"); for host
 * certificates it defines neither, and sshd's clients refuse a critical option that they do not know.
 */
export const CRITICAL_OPTIONS: Readonly<Record<Purpose, readonly string[]>> = {
  user: ['force-command', 'source-address', 'verify-required'],
  host: [],
};

export const EXTENSIONS: Readonly<Record<Purpose, readonly string[]>> = {
  user: ['no-touch-required', 'permit-X11-forwarding', 'permit-agent-forwarding', 'permit-port-forwarding', 'permit-pty', 'permit-user-rc'],
  host: [],
};

/** Those of the above that carry no value. */
export const FLAGS: readonly string[] = [...EXTENSIONS.user, 'verify-required'];
