import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Authority, Purpose } from './authority.ts';
import type { Ca } from './ca.ts';
import type { Profiles } from './profile.ts';

export interface OpenCaOptions {
  /** The folder with user_ca, host_ca and ensign.db. */
  readonly directory: string;
  readonly profiles: Profiles;
  readonly clock: Clock;
  /** Returns that many unpredictable bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Opens the key files. Without it the keys are looked for in the agent behind `agentSocket`. */
  readonly passphrase?: Secret<string> | undefined;
  readonly agentSocket?: string | undefined;
  /** Both when absent. */
  readonly unlock?: readonly Purpose[] | undefined;
}

/** Opens a CA for signing. */
export function openCa(options: OpenCaOptions): Promise<Ca> {
  return Promise.reject(new AppError('ca/missing', `not yet: ${options.directory}`));
}

/** The public half of both authorities, from files that everybody may read. */
export function readAuthorities(directory: string): Promise<Readonly<Record<Purpose, Authority>>> {
  return Promise.reject(new AppError('ca/missing', `not yet: ${directory}`));
}
