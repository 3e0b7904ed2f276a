import { AppError } from '../base/errors.ts';
import type { HostSession } from '../ssh/session.ts';
import type { HostFacts } from './facts.ts';
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

/** Undoes a change that was not proved, over the session that was open before it, and looks whether all is as before. */
export async function comeBack(situation: Situation & { readonly lifeline: HostSession }, code: string, detail: string): Promise<Ending> {
  situation.ports.progress('undoing');
  await undo(situation.lifeline, situation.id, code);
  const facts = await lookAgain(situation, () => Promise.resolve(situation.lifeline));
  if (facts !== undefined && isAsBefore(facts, situation)) return rolledBack(situation.plan, code, detail);
  return findOut(situation, detail, {}, code);
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
    const facts = await lookAgain(situation, () => ports.connect());
    if (facts !== undefined && readState(facts)?.transaction === id) {
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

/** Every file as it was, no transaction open, and sshd content. */
function isAsBefore(facts: HostFacts, { plan, id }: Situation): boolean {
  const open = facts.transactions.some((t) => t.id === id && (t.state === 'armed' || t.state === 'rolling-back'));
  const found = new Map([...facts.files.values()].map((file) => [file.path, file.sha256]));
  return !open && facts.sshdTest.exit === plan.facts.sshdTest.exit && plan.changes.every((change) => found.get(change.path) === change.beforeSha256);
}

async function lookAgain({ task, ports }: Situation, open: () => Promise<HostSession>): Promise<HostFacts | undefined> {
  let session: HostSession | undefined;
  try {
    session = await open();
    return await probeHost(session, { logins: [...task.principals.keys()], clock: ports.clock, mark: ports.hex(16), timeoutMs: 20_000 });
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  } finally {
    // closing the lifeline here too does no harm: sessions close once, and a look is the last thing done on it
    await session?.close();
  }
}
