import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import { PATHS } from '../sshd/drop-in.ts';
import type { HostFacts } from './facts.ts';

const schema = z.object({
  version: z.literal(1),
  /** The transaction that was confirmed. */
  transaction: z.string(),
  /** `environment/name` */
  host: z.string(),
  release: z.string(),
  /** Unix seconds, on the operator's clock. */
  confirmedAt: z.number().int(),
  operator: z.string(),
  /** Fingerprints of the authorities that this host was told to trust. */
  userAuthorities: z.array(z.string()),
  hostAuthority: z.string(),
  /** certificate path -> serial */
  serials: z.record(z.string(), z.string()),
  /** managed path -> SHA-256 of what was installed */
  files: z.record(z.string(), z.string()),
});

/** What a confirmed change leaves in `/var/lib/ensign/state.json`. */
export type HostState = z.infer<typeof schema>;

export const STATE_PATH = `${PATHS.state}/state.json`;

/**
 * Reads the state file out of the facts; undefined on a host that is new to ensign.
 * @throws AppError `host/state-unreadable` when there is one that ensign did not write
 */
export function readState(facts: HostFacts): HostState | undefined {
  const file = facts.files.get(STATE_PATH);
  if (file === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(file.text ?? ''));
  } catch (error) {
    throw new AppError('host/state-unreadable', `${STATE_PATH} on the host is not what ensign writes`, {
      hint: 'look at it, then move it away: ensign will then treat the host as new',
      cause: error,
    });
  }
}

export function formatState(state: HostState): string {
  return `${JSON.stringify(schema.parse(state), null, 2)}\n`;
}
