import type { Host } from '../inventory/host.ts';
import type { PublicKey } from '../wire/public-key.ts';
import type { HostSession } from '../ssh/session.ts';
import { renderTemplate } from '../sshd/templates-adapter.ts';
import type { HostFacts } from './facts.ts';
import { planHost } from './plan.ts';
import type { HostPlan, Notice, Refusal } from './plan-types.ts';
import type { HostPorts, Conflict } from './ports.ts';
import { probeHost } from './probe.ts';
import type { TrustSpec } from './spec.ts';
import { readState } from './state.ts';

/** One host, and what the fleet's authorities want of it. */
export interface HostTask {
  readonly host: Host;
  readonly userAuthorities: readonly PublicKey[];
  readonly hostAuthority: PublicKey;
  /** login -> principals, scoped to the environment. */
  readonly principals: ReadonlyMap<string, readonly string[]>;
  readonly backdate: number;
  /** Digest of everything that decides what hosts get; recorded on the host. */
  readonly release: string;
  /** Who does this, for locks and records on the host. */
  readonly operator: string;
  /** Write managed files anew that somebody else has edited. */
  readonly adopt: boolean;
}

/** Probes a host over an open session and plans it. Changes nothing anywhere. */
export async function lookAt(session: HostSession, task: HostTask, ports: Pick<HostPorts, 'clock' | 'hex' | 'issuer'>): Promise<HostPlan> {
  const facts = await probeHost(session, { logins: [...task.principals.keys()], clock: ports.clock, mark: ports.hex(16) });
  const { names, refusals, notices } = await settleNames(facts, task, ports);
  const spec: TrustSpec = { ...task, names };
  const plan = planHost({
    facts,
    spec,
    state: readState(facts),
    renderDropIn: (directives) => renderTemplate('host/drop-in.conf.hbs', { directives: directives.map((d) => ({ ...d })) }),
    adopt: task.adopt,
  });
  return { ...plan, refusals: [...plan.refusals, ...refusals], notices: [...plan.notices, ...notices] };
}

// one name, one key, one host: what is claimed already is refused here, before anything is signed; the short name,
// which nobody asked for, is only left out
async function settleNames(facts: HostFacts, { host }: HostTask, { issuer }: Pick<HostPorts, 'issuer'>): Promise<{ names: readonly string[]; refusals: Refusal[]; notices: Notice[] }> {
  const wished = host.shortName === undefined ? host.names : [...host.names, host.shortName];
  const keys = facts.hostKeys.flatMap(({ key }) => (key === undefined ? [] : [key]));
  const conflicts = await issuer.conflicts(host.id, wished, keys);
  const short = conflicts.find((c) => c.kind === 'name' && c.value === host.shortName?.toLowerCase());
  return {
    names: short === undefined ? wished : host.names,
    refusals: conflicts.filter((c) => c !== short).map(conflictRefusal),
    notices: short === undefined ? [] : [{ code: 'host/short-name-taken', message: `the short name ${short.value} belongs to ${short.heldBy} and is left out` }],
  };
}

function conflictRefusal({ kind, value, heldBy }: Conflict): Refusal {
  return kind === 'name'
    ? { code: 'host/name-taken', message: `the name ${value} belongs to ${heldBy}`, hint: `one name, one host: change one of the two, or run \`ensign ca forget ${heldBy}\` when that machine is gone` }
    : { code: 'host/key-taken', message: `host key ${value} belongs to ${heldBy}; cloned machines share keys`, hint: `give this host keys of its own (rm /etc/ssh/ssh_host_*; ssh-keygen -A), or run \`ensign ca forget ${heldBy}\` when that machine is gone` };
}
