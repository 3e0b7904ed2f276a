import { AppError } from '../base/errors.ts';
import { nowSeconds } from '../base/clock.ts';
import type { Certificate } from '../wire/certificate.ts';
import { checkCertificate } from '../wire/check-certificate.ts';
import { fingerprint } from '../wire/public-key.ts';
import { lookAt, type HostTask } from './look.ts';
import { reportable } from './outcome.ts';
import { renewAt } from './plan-certificates.ts';
import { kindOfError } from './outcome.ts';
import type { HostPlan } from './plan-types.ts';
import type { HostPorts } from './ports.ts';
import { readState, type HostState } from './state.ts';
import { statusFindings } from './status-findings.ts';

/**
 * What a host is for somebody who connects now: `good`; `due` (a certificate past two thirds of its life); `drift` (it
 * is not as it was installed, or not as it should be); `bad` (what it serves would be refused); `plain` (no
 * certificate); `unreachable`.
 */
export type StatusVerdict = 'good' | 'due' | 'drift' | 'bad' | 'plain' | 'unreachable';

export interface HostStatus {
  readonly hostId: string;
  readonly name: string;
  readonly verdict: StatusVerdict;
  /** What the host served to the scan; undefined when it served no certificate. */
  readonly served: { readonly authority: string; readonly serial: string; readonly principals: readonly string[]; readonly validBefore: number; readonly secondsLeft: number } | undefined;
  /** What is not as it should be, a line each. */
  readonly findings: readonly string[];
  /** What the last confirmed change recorded; undefined where nobody could look. */
  readonly state: HostState | undefined;
}

/** Looks from outside first, then from inside; each part stands without the other. Never throws for what a host does. */
export async function statusOf(task: HostTask, ports: HostPorts): Promise<HostStatus> {
  const scanned = await settle(() => ports.scan([]));
  const inside = await settle(() => lookInside(task, ports));
  const certificate = scanned instanceof AppError ? undefined : scanned.certificate;
  const served = certificate === undefined ? undefined : describe(certificate, ports);
  const plan = inside instanceof AppError ? undefined : inside;
  const refused = certificate === undefined ? undefined : judge(certificate, task, ports);
  return {
    hostId: task.host.id,
    name: task.host.name,
    verdict: verdictOf(scanned, certificate, refused, inside, ports),
    served,
    findings: statusFindings(scanned instanceof AppError ? scanned : undefined, refused, inside),
    state: plan === undefined ? undefined : readState(plan.facts),
  };
}

async function lookInside(task: HostTask, ports: HostPorts): Promise<HostPlan> {
  const session = await ports.connect();
  try {
    return await lookAt(session, task, ports);
  } finally {
    await session.close();
  }
}

function judge(certificate: Certificate, task: HostTask, ports: HostPorts): AppError | undefined {
  try {
    checkCertificate(certificate, { type: 'host', authorities: [task.hostAuthority], principal: task.host.name, nowSeconds: nowSeconds(ports.clock) });
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function verdictOf(scanned: unknown, certificate: Certificate | undefined, refused: AppError | undefined, inside: HostPlan | AppError, ports: HostPorts): StatusVerdict {
  if (scanned instanceof AppError) return 'unreachable';
  if (certificate === undefined) return 'plain';
  if (refused !== undefined) return 'bad';
  // served well, but nobody could look: a lock-out must not pass for good
  if (inside instanceof AppError) return kindOfError(inside) === 'unreachable' ? 'unreachable' : 'bad';
  if (inside.refusals.length > 0 || inside.changes.some((c) => c.kind === 'file')) return 'drift';
  return nowSeconds(ports.clock) >= renewAt(certificate) || inside.changes.length > 0 ? 'due' : 'good';
}

function describe(certificate: Certificate, ports: HostPorts): HostStatus['served'] {
  const validBefore = Number(certificate.validBefore);
  return { authority: fingerprint(certificate.signatureKey), serial: certificate.serial.toString(), principals: certificate.principals, validBefore, secondsLeft: validBefore - nowSeconds(ports.clock) };
}

async function settle<T>(action: () => Promise<T>): Promise<T | AppError> {
  try {
    return await action();
  } catch (error) {
    return reportable(error);
  }
}
