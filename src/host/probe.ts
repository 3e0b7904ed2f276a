import { AppError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { nowSeconds } from '../base/clock.ts';
import { printable } from '../base/text.ts';
import type { HostSession } from '../ssh/session.ts';
import { readTemplate } from '../sshd/templates-adapter.ts';
import type { HostFacts } from './facts.ts';
import { parseFacts } from './parse-facts.ts';
import { splitSections } from './probe-output.ts';

export interface ProbeOptions {
  /** Logins whose effective configuration is wanted, besides the operator's and root's. */
  readonly logins: readonly string[];
  readonly clock: Clock;
  /** A fresh word that no file on the host can know: at least 16 hex digits. */
  readonly mark: string;
  readonly timeoutMs?: number;
}

/**
 * Looks at a host in one exec, as root, and changes nothing.
 * @throws AppError `host/probe-failed`, `host/probe-incomplete`, `host/not-root`, and what the session throws
 */
export async function probeHost(session: HostSession, options: ProbeOptions): Promise<HostFacts> {
  const result = await session.run(['sh', '-s', '--', options.mark, session.user, ...options.logins], {
    stdin: readTemplate('host/probe.sh'),
    become: true,
    timeoutMs: options.timeoutMs ?? 60_000,
  });
  if (result.code !== 0) {
    throw new AppError('host/probe-failed', `the probe ended with ${result.code ?? result.signal ?? 'no status'}: ${printable(result.stderr.trim().slice(-300))}`, {
      hint: 'log in by hand and run `sudo sh -c true`: it must work and print nothing',
    });
  }
  const facts = parseFacts(splitSections(result.stdout, options.mark), nowSeconds(options.clock));
  if (!facts.root) {
    throw new AppError('host/not-root', `user ${session.user} is not root on the host, and become is none`, {
      hint: 'set `become: sudo` or `become: doas` for the host, or connect as root',
    });
  }
  return facts;
}
