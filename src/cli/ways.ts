import { userInfo } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { JumpHost } from '../inventory/host.ts';
import { sameKeyCheck } from '../ssh/host-keys.ts';
import { scanHostCertificate } from '../ssh/scan.ts';
import type { Connect } from '../ssh/session.ts';
import { Ways } from '../ssh/ways.ts';
import type { CredentialSource } from './credentials.ts';
import { connectTrusted, type HostTrust } from './host-trust.ts';
import type { Io } from './io.ts';

/**
 * The ways of one run to its hosts. Jump hosts are logged in to with their own credentials, and their keys are judged
 * as those of hosts are. The caller closes them.
 */
export function openWays(io: Io, trust: HostTrust, credentials: CredentialSource, connect: Connect): Ways<JumpHost> {
  return new Ways<JumpHost>({
    clock: io.clock,
    wait: (ms) => wait(ms),
    random: Math.random,
    connect,
    scan: scanHostCertificate,
    logIn: async (hop, way, known) => {
      const { name, address, port, connectTimeout } = hop;
      const timeout = connectTimeout === undefined ? {} : { connectTimeoutMs: connectTimeout * 1000 };
      const options = { host: name, address, port, user: hop.user ?? userInfo().username, credentials: await credentials(hop), become: 'none', ...timeout } as const;
      // one that was lost and comes back is not met for the first time
      return known === undefined ? connectTrusted(io, trust, hop, way, options) : way.connect({ ...options, hostKey: sameKeyCheck(known), hostKeyTypes: [known.type] });
    },
  });
}
