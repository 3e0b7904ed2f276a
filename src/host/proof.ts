import { AppError } from '../base/errors.ts';
import { nowSeconds } from '../base/clock.ts';
import type { Certificate } from '../wire/certificate.ts';
import { certificateTypeOf } from '../wire/certificate.ts';
import { checkCertificate } from '../wire/check-certificate.ts';
import type { PublicKey } from '../wire/public-key.ts';
import type { HostSession } from '../ssh/session.ts';
import type { HostPorts } from './ports.ts';

export interface ProofTask {
  readonly hostId: string;
  /** The key that the host proved to hold before the change. */
  readonly hostKey: PublicKey;
  readonly hostAuthority: PublicKey;
  /** Every name that must be in the served certificate. */
  readonly names: readonly string[];
  /** The key that is served first, and the serial that its certificate must have. */
  readonly served: { readonly key: PublicKey; readonly serial: bigint };
  readonly logins: readonly { readonly login: string; readonly principal: string }[];
}

/** What was shown from outside, over connections that did not exist before the change. */
export interface Proof {
  readonly certificate: Certificate;
  /** Logins that a fresh user certificate opened. */
  readonly logins: readonly string[];
  /** The operator's old credential, logged in anew: the connection to confirm on. */
  readonly session: HostSession;
}

/**
 * Proves a changed host: the served certificate, the old credential, each mapped login by a fresh user certificate.
 * One connection each, one attempt each, none with anything that should fail: sshd counts failures against our address.
 * @throws AppError `proof/certificate`, `proof/old-login`, `proof/certificate-login`, each with its cause
 */
export async function prove(task: ProofTask, ports: HostPorts): Promise<Proof> {
  const certificate = await attempt('proof/certificate', 'the served certificate is not the one just installed', () => provenCertificate(task, ports));
  const session = await attempt('proof/old-login', 'the login that worked before the change works no more', () => patiently(ports, () => ports.connect(task.hostKey)));
  try {
    for (const { login, principal } of task.logins) {
      ports.progress(`logging in as ${login} by certificate`);
      await attempt('proof/certificate-login', `a fresh certificate for ${principal} does not open ${login}`, () => certificateLogin(task, ports, login, principal));
    }
  } catch (error) {
    await session.close();
    throw error;
  }
  return { certificate, logins: task.logins.map(({ login }) => login), session };
}

// a reload is answered before sshd has loaded anything, and a busy host takes its time: what it had is served until then
const NOT_RELOADED = ['ssh/no-common-algorithm', 'proof/no-certificate', 'proof/old-serial'];

function provenCertificate(task: ProofTask, ports: HostPorts): Promise<Certificate> {
  return patiently(ports, () => servedCertificate(task, ports), new Set([...RESTARTING, ...NOT_RELOADED]));
}

async function servedCertificate(task: ProofTask, ports: HostPorts): Promise<Certificate> {
  const { served, names, hostAuthority } = task;
  const wanted = served.key.type === 'ssh-rsa' ? ['rsa-sha2-512-cert-v01@openssh.com', 'rsa-sha2-256-cert-v01@openssh.com'] : [certificateTypeOf(served.key)];
  const { certificate } = await ports.scan(wanted);
  if (certificate === undefined) throw new AppError('proof/no-certificate', 'the host serves a plain key');
  for (const principal of names) checkCertificate(certificate, { type: 'host', authorities: [hostAuthority], principal, nowSeconds: nowSeconds(ports.clock) });
  if (certificate.serial !== served.serial) {
    throw new AppError('proof/old-serial', `serial ${certificate.serial} is served, ${served.serial} was installed`);
  }
  return certificate;
}

async function certificateLogin(task: ProofTask, ports: HostPorts, login: string, principal: string): Promise<void> {
  const credential = await ports.issuer.proofCredential(task.hostId, principal);
  const session = await patiently(ports, () => ports.connectAs(login, credential, task.hostKey));
  try {
    const { code, stderr } = await session.run(['true'], { timeoutMs: 15_000 });
    if (code !== 0) throw new AppError('proof/no-command', `logged in, but \`true\` ended with ${code ?? 'a signal'}: ${stderr.trim().slice(0, 200)}`);
  } finally {
    await session.close();
  }
}

// sshd is away for a moment while it executes itself anew; only what that can cause is tried again
const RESTARTING = new Set(['ssh/refused', 'ssh/lost', 'ssh/dropped', 'ssh/protocol']);
const PAUSES_MS = [150, 400, 1000];

async function patiently<T>(ports: Pick<HostPorts, 'wait'>, action: () => Promise<T>, passing: ReadonlySet<string> = RESTARTING): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof AppError) || !passing.has(error.code)) throw error;
      await ports.wait(pause);
    }
  }
  return action();
}

async function attempt<T>(code: string, message: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(code, `${message}: ${error.message}`, { cause: error });
  }
}
