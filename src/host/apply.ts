import { AppError } from '../base/errors.ts';
import { plural } from '../base/text.ts';
import type { HostSession } from '../ssh/session.ts';
import { ended, failure, reportable, settledByPlan, type HostOutcome } from './outcome.ts';
import { isAbandoned } from './facts.ts';
import { lookAt, type HostTask } from './look.ts';
import { planDigest } from './plan.ts';
import type { CertificateChange, HostPlan } from './plan-types.ts';
import type { HostPorts, Issued } from './ports.ts';
import { prove, type Proof } from './proof.ts';
import { readCertificate } from './plan-certificates.ts';
import { comeBack, findOut, lostTrack, type Situation } from './settle.ts';
import { confirm, stage, STAGE_MS, undo, type Transaction } from './transaction.ts';
import { stateAfter } from './state-after.ts';

export interface ApplyOptions {
  /** Seconds until the watchdog undoes an unconfirmed change: 5 to 600. */
  readonly undoAfter: number;
  /** The digest of the plan that a person agreed to; a host that would get another one is left alone. */
  readonly agreed?: string | undefined;
}

/**
 * Changes one host, with proof or not at all. Never throws for what a host does: everything ends as an outcome.
 * The first session stays open to the end; it is the way back in when the new configuration locks everybody out.
 */
export async function applyHost(task: HostTask, ports: HostPorts, options: ApplyOptions): Promise<HostOutcome> {
  const startedAt = ports.clock.nowMs();
  let lifeline: HostSession | undefined;
  try {
    ports.progress('connecting');
    lifeline = await ports.connect();
    const first = await change(lifeline, task, ports, options);
    // an abandoned change was in the way and has been undone: now the host can be looked at as it is
    return ended(task, startedAt, ports.clock, first.code === 'host/recovered' ? await change(lifeline, task, ports, options) : first);
  } catch (error) {
    return ended(task, startedAt, ports.clock, failure(reportable(error)));
  } finally {
    await lifeline?.close();
  }
}

type Ending = Omit<HostOutcome, 'hostId' | 'name' | 'milliseconds'>;

async function change(lifeline: HostSession, task: HostTask, ports: HostPorts, options: ApplyOptions): Promise<Ending> {
  ports.progress('looking');
  const plan = await lookAt(lifeline, task, ports);
  if (plan.facts.transactions.some((t) => isAbandoned(t, plan.facts.clock))) return recover(lifeline, task, ports, options, plan);
  const settled = settledByPlan(plan);
  if (settled !== undefined) return { ...settled, serials: settled.kind === 'unchanged' ? serials(plan, new Map()) : {} };
  if (options.agreed !== undefined && planDigest(plan) !== options.agreed) {
    return { kind: 'failed', summary: 'refused, nothing changed: the host is not as it was when the plan was shown', code: 'host/plan-changed', hint: 'run it again and look at the new plan', plan, serials: {} };
  }
  ports.progress('issuing certificates');
  const issued = await issueCertificates(plan, task, ports);
  return transact(lifeline, task, ports, options, plan, issued);
}

// somebody's change was abandoned and its watchdog is dead or stuck: the host is asked to undo it, whatever the plan says
// of the half that it found
async function recover(lifeline: HostSession, task: HostTask, ports: HostPorts, options: ApplyOptions, plan: HostPlan): Promise<Ending> {
  ports.progress('undoing an abandoned change');
  const nothing = transactionFor(lifeline, task, ports, options, { ...plan, changes: [], directories: [], directives: [] }, new Map());
  const staged = await stage(lifeline, nothing);
  // its watchdog came back to life in between, and nothing was in our way
  if (staged.kind === 'armed') await undo(lifeline, nothing.id, 'nothing to change');
  const code = staged.kind === 'refused' || staged.kind === 'rolled-back' ? staged.code : 'host/recovered';
  return { kind: 'failed', summary: staged.kind === 'armed' ? 'an abandoned change was undone' : `an abandoned change is in the way: ${staged.detail}`, code, hint: stageHint(code), plan, serials: {} };
}

function transactionFor(lifeline: HostSession, task: HostTask, ports: HostPorts, options: ApplyOptions, plan: HostPlan, issued: ReadonlyMap<string, Issued>): Transaction {
  return {
    id: ports.hex(8),
    mark: ports.hex(16),
    plan,
    certificates: new Map([...issued].map(([path, { line }]) => [path, line])),
    owner: `${task.operator}, ensign apply`,
    undoAfter: options.undoAfter,
    logins: [...new Set([lifeline.user, 'root', ...task.principals.keys()])],
  };
}

async function transact(lifeline: HostSession, task: HostTask, ports: HostPorts, options: ApplyOptions, plan: HostPlan, issued: ReadonlyMap<string, Issued>): Promise<Ending> {
  const transaction = transactionFor(lifeline, task, ports, options, plan, issued);
  const now = serials(plan, issued);
  const deadline = (): number => ports.clock.nowMs() + options.undoAfter * 1000;
  // the host counts from when it arms, which an answer that never came does not tell: somewhere within the time of staging
  const latest = deadline() + STAGE_MS;
  ports.progress('changing');
  const staged = await stage(lifeline, transaction);
  const situation = { task, ports, plan, id: transaction.id, deadlineMs: staged.kind === 'lost' ? latest : deadline() };
  if (staged.kind === 'refused') return { kind: 'failed', summary: `refused, nothing changed: ${staged.detail || staged.code}`, code: staged.code, hint: stageHint(staged.code), plan, serials: {} };
  try {
    if (staged.kind === 'rolled-back') return await comeBack({ ...situation, lifeline }, staged.code, staged.detail);
    if (staged.kind === 'lost') return await findOut(situation, staged.detail, now);
    return await proveAndConfirm({ ...situation, lifeline }, transaction, issued, now);
  } catch (error) {
    // a bug or a full disk on our side: the host has been changed, and the way back is still open
    const { code, message } = reportable(error);
    return comeBack({ ...situation, lifeline }, code, message).catch(() => lostTrack(situation, message, code));
  }
}

async function proveAndConfirm(situation: Situation & { readonly lifeline: HostSession }, transaction: Transaction, issued: ReadonlyMap<string, Issued>, now: Record<string, string>): Promise<Ending> {
  const { task, ports, plan, lifeline } = situation;
  ports.progress('proving');
  const proof = await tryProof(lifeline, task, ports, plan, issued);
  if (proof instanceof AppError) return comeBack(situation, proof.code, proof.message);
  try {
    ports.progress('confirming');
    const answer = await confirm(proof.session, transaction, stateAfter(task, plan, transaction, now, ports.clock));
    if (answer.kind === 'lost') return await findOut(situation, answer.detail, now);
    if (answer.kind === 'failed') return await comeBack(situation, 'host/not-confirmed', `the change was proved, but cannot be recorded: ${answer.detail}`);
    if (answer.kind === 'rolled-back') return await comeBack(situation, 'host/deadline', `the watchdog was faster: ${answer.detail}`);
    return { kind: 'changed', summary: changedSummary(plan, proof), code: undefined, hint: undefined, plan, serials: now };
  } finally {
    await proof.session.close();
  }
}

async function tryProof(lifeline: HostSession, task: HostTask, ports: HostPorts, plan: HostPlan, issued: ReadonlyMap<string, Issued>): Promise<Proof | AppError> {
  const first = plan.served[0];
  const certificate = first === undefined ? undefined : (issued.get(first.path)?.certificate ?? readCertificate(plan.facts.files.get(first.path)));
  if (first === undefined || certificate === undefined) return new AppError('proof/no-certificate', 'no certificate is served that could be proved');
  try {
    return await prove(
      { hostId: task.host.id, hostKey: lifeline.hostKey, hostAuthority: task.hostAuthority, names: certificate.principals, served: { key: first.key, serial: certificate.serial }, logins: plan.provable },
      ports,
    );
  } catch (error) {
    // whatever it was, the host has been changed and not proved
    return error instanceof AppError ? error : new AppError('proof/unexpected', String(error), { cause: error });
  }
}

async function issueCertificates(plan: HostPlan, task: HostTask, ports: HostPorts): Promise<ReadonlyMap<string, Issued>> {
  const wanted = plan.changes.filter((c): c is CertificateChange => c.kind === 'certificate');
  if (wanted.length === 0) return new Map();
  const issued = await ports.issuer.hostCertificates(task.host.id, wanted.map((c) => c.key), wanted[0]?.names ?? []);
  return new Map(wanted.flatMap((c, i) => { const one = issued[i]; return one === undefined ? [] : [[c.path, one] as const]; }));
}

function serials(plan: HostPlan, issued: ReadonlyMap<string, Issued>): Record<string, string> {
  return Object.fromEntries(plan.served.flatMap(({ path }) => {
    const certificate = issued.get(path)?.certificate ?? readCertificate(plan.facts.files.get(path));
    return certificate === undefined ? [] : [[path, certificate.serial.toString()]];
  }));
}

function changedSummary(plan: HostPlan, proof: Proof): string {
  const certificates = plan.changes.filter((c) => c.kind === 'certificate').length;
  const files = plan.changes.length - certificates;
  const done = [certificates > 0 ? plural(certificates, 'certificate') : '', files > 0 ? plural(files, 'file') : ''].filter((t) => t !== '').join(', ');
  const logins = proof.logins.length === 0 ? 'no login by certificate was tried' : `logins proved: ${proof.logins.join(', ')}`;
  return `${done}; ${logins}`;
}

function stageHint(code: string): string {
  switch (code) {
    case 'host/locked':
      return 'somebody else is changing this host: wait a minute, then run this again';
    case 'host/recovered':
      return 'an abandoned change was undone first: run this again';
    case 'host/changed-since-plan':
      return 'something else writes this file: find out what, then run this again';
    default:
      return 'nothing was changed; mend what the message names, then run this again';
  }
}
