import { AppError } from '../base/errors.ts';
import type { HostSession } from '../ssh/session.ts';
import type { FileFacts, HostFacts } from './facts.ts';
import type { HostTask } from './look.ts';
import type { HostOutcome } from './outcome.ts';
import type { HostPlan } from './plan-types.ts';
import type { HostPorts } from './ports.ts';
import { probeHost } from './probe.ts';
import { readState } from './state.ts';
import { undo } from './transaction.ts';

/** A change that did not come to its end, and what is needed to find out how it ended. */
export interface Situation {
  readonly task: HostTask;
  readonly ports: HostPorts;
  readonly plan: HostPlan;
  /** The transaction's. */
  readonly id: string;
  /** On the operator's clock: when the watchdog has undone what was not confirmed. */
  readonly deadlineMs: number;
}

type Ending = Omit<HostOutcome, 'hostId' | 'name' | 'milliseconds'>;

// the watchdog may start late on a loaded host, and then it works
const GRACE_MS = 30_000;
// growing pauses: a host that refuses us for now counts every try against our address
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Undoes a change that was not proved, over the session that was open before it, and looks whether all is as before:
 * every file, and a new login. The lifeline stays open; whoever opened it closes it.
 */
export async function comeBack(situation: Situation & { readonly lifeline: HostSession }, code: string, detail: string): Promise<Ending> {
  const { ports, plan, lifeline } = situation;
  ports.progress('undoing');
  await undo(lifeline, situation.id, code);
  const facts = await look(situation, lifeline);
  if (facts === undefined || !isAsBefore(facts, situation)) return findOut(situation, detail, {}, code);
  const refused = await newLoginError(situation, lifeline);
  if (refused === undefined) return rolledBack(plan, code, detail);
  return {
    kind: 'failed',
    summary: `undone, every file is as before, but sshd lets nobody in any more: ${refused.message} (the change was undone because: ${detail})`,
    code: 'host/no-new-logins',
    hint: 'use the console or a session that is still open: sshd\'s configuration held something that it had not loaded before this change made it reload',
    plan,
    serials: {},
  };
}

/**
 * Asks a host what became of a change, until it answers or its watchdog must long have undone it. A host that never
 * answers is `unknown`, and named as such.
 * @param serials what is on the host if the change turns out to be confirmed
 */
export async function findOut(situation: Situation, detail: string, serials: Readonly<Record<string, string>>, code = 'host/lost'): Promise<Ending> {
  const { ports, plan, id, deadlineMs } = situation;
  ports.progress('connection lost: waiting for the watchdog');
  let pause = FIRST_PAUSE_MS;
  do {
    const facts = await lookAgain(situation);
    if (facts !== undefined && isConfirmed(facts, id)) {
      return { kind: 'changed', summary: 'confirmed; only the answer was lost', code: undefined, hint: undefined, plan, serials };
    }
    if (facts !== undefined && isAsBefore(facts, situation)) return rolledBack(plan, code, detail);
    await ports.wait(pause);
    pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
  } while (ports.clock.nowMs() < deadlineMs + GRACE_MS);
  return lostTrack(situation, detail, code);
}

/** Nobody knows what became of the change, and the next run looks. */
export function lostTrack({ plan, id }: Pick<Situation, 'plan' | 'id'>, detail: string, code: string): Ending {
  return {
    kind: 'unknown',
    summary: `lost in the middle of a change: ${detail}`,
    code,
    hint: `its watchdog undoes the change by itself, also after a reboot; look with \`ensign status\` when the host answers again (transaction ${id})`,
    plan,
    serials: {},
  };
}

function rolledBack(plan: HostPlan, code: string, detail: string): Ending {
  return { kind: 'rolled-back', summary: `undone, and the host is as before: ${detail}`, code, hint: rollbackHint(code), plan, serials: {} };
}

function rollbackHint(code: string): string | undefined {
  if (code.startsWith('proof/')) return 'the new configuration was not proved from outside; look at sshd\'s log on the host, then run this again';
  return code === 'host/lost' ? 'the connection broke in the middle; run this again' : undefined;
}

// the record gets its place a moment after the change is confirmed
function isConfirmed(facts: HostFacts, id: string): boolean {
  return readState(facts)?.transaction === id || facts.transactions.some((t) => t.id === id && t.state === 'confirmed');
}

/** Every file as it was, with mode and owner, nothing of the transaction still at work, and sshd content. */
function isAsBefore(facts: HostFacts, { plan, id }: Situation): boolean {
  const open = facts.transactions.some((t) => t.id === id && t.state !== 'rolled-back');
  const fingerprintOf = (file: FileFacts | undefined): string => (file === undefined ? 'absent' : `${file.sha256} ${file.mode} ${file.owner}`);
  const byPath = (found: HostFacts): ReadonlyMap<string, FileFacts> => new Map([...found.files.values()].map((file) => [file.path, file]));
  const [now, before] = [byPath(facts), byPath(plan.facts)];
  return !open && facts.sshdTest.exit === plan.facts.sshdTest.exit && plan.changes.every(({ path }) => fingerprintOf(now.get(path)) === fingerprintOf(before.get(path)));
}

// sshd may need a moment to come up again, and counts what fails against our address
const LOGIN_PAUSES_MS = [1000, 4000, 8000];

async function newLoginError({ ports }: Situation, lifeline: HostSession): Promise<AppError | undefined> {
  let last: AppError | undefined;
  for (const pause of [0, ...LOGIN_PAUSES_MS]) {
    await ports.wait(pause);
    try {
      await (await ports.connect(lifeline.hostKey)).close();
      return undefined;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      last = error;
    }
  }
  return last;
}

async function lookAgain(situation: Situation): Promise<HostFacts | undefined> {
  let session: HostSession | undefined;
  try {
    session = await situation.ports.connect();
    return await look(situation, session);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  } finally {
    await session?.close();
  }
}

async function look({ task, ports }: Situation, session: HostSession): Promise<HostFacts | undefined> {
  try {
    return await probeHost(session, { logins: [...task.principals.keys()], clock: ports.clock, mark: ports.hex(16), timeoutMs: 20_000 });
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
