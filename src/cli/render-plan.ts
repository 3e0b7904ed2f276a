import { formatDuration } from '../base/duration.ts';
import { printable } from '../base/text.ts';
import { fingerprint } from '../wire/public-key.ts';
import { planDigest } from '../host/plan.ts';
import type { Change, HostPlan } from '../host/plan-types.ts';
import type { PlannedHost } from '../rollout/plan-fleet.ts';
import { paint, type Io, type Tone } from './io.ts';
import { diffLines } from './render-diff.ts';

/** What a plan means for one host, in a word. */
export function planStatus(planned: PlannedHost): 'unchanged' | 'change' | 'refused' | 'unreachable' | 'failed' {
  if (planned.kind !== 'planned') return planned.kind;
  if (planned.plan.refusals.length > 0) return 'refused';
  return planned.plan.changes.length === 0 ? 'unchanged' : 'change';
}

const TONE: Readonly<Record<ReturnType<typeof planStatus>, Tone>> = { unchanged: 'good', change: 'warn', refused: 'bad', unreachable: 'bad', failed: 'bad' };

/** Facts in brief, refusals, notices, and the exact difference of every file. */
export function renderPlan(io: Pick<Io, 'colour'>, planned: PlannedHost): string[] {
  const status = planStatus(planned);
  const title = `${paint(io, 'bold', planned.host.name)}  ${paint(io, TONE[status], status)}`;
  if (planned.kind !== 'planned') {
    const { error } = planned;
    return [title, `  ${printable(error.message)} ${paint(io, 'dim', `[${error.code}]`)}`, ...(error.hint === undefined ? [] : [`  ${paint(io, 'dim', 'hint')} ${printable(error.hint)}`])];
  }
  const { plan } = planned;
  return [
    title,
    `  ${paint(io, 'dim', factsLine(plan))}`,
    // several reasons of one kind share their hint
    ...plan.refusals.flatMap((r, i) => [
      `  ${paint(io, 'bad', 'refused')} ${printable(r.message)} ${paint(io, 'dim', `[${r.code}]`)}`,
      ...(plan.refusals[i + 1]?.hint === r.hint ? [] : [`  ${paint(io, 'dim', 'hint')} ${printable(r.hint)}`]),
    ]),
    ...plan.notices.map((n) => `  ${paint(io, 'warn', 'note')} ${printable(n.message)} ${paint(io, 'dim', `[${n.code}]`)}`),
    ...plan.directories.map((d) => `  ${paint(io, 'good', '+')} folder ${d.path} (mode ${d.mode})`),
    ...plan.changes.flatMap((change) => renderChange(io, change)),
    ...(status === 'change' ? [`  then: sshd -t, compare what sshd would do for each login, reload, prove from outside: ${proofLine(plan)}`] : []),
  ];
}

/** The same as data; texts are exact. */
export function planJson(planned: PlannedHost): object {
  const { host } = planned;
  const base = { host: host.id, name: host.name, address: host.address, port: host.port, status: planStatus(planned) };
  if (planned.kind !== 'planned') {
    const { code, message, hint } = planned.error;
    return { ...base, error: { code, message, hint } };
  }
  const { plan } = planned;
  const { facts } = plan;
  return {
    ...base,
    digest: planDigest(plan),
    facts: { os: facts.os, openssh: facts.version?.text, hostname: facts.fqdn ?? facts.hostname, reload: facts.reload, clockSkewSeconds: facts.clock - facts.observedAt, hostKeys: facts.hostKeys.map((k) => ({ path: k.path, fingerprint: k.key === undefined ? undefined : fingerprint(k.key), problem: k.problem })) },
    directories: plan.directories,
    files: plan.changes.flatMap((c) => (c.kind === 'file' ? [{ path: c.path, before: c.before ?? null, after: c.after ?? null, mode: c.mode, why: c.why }] : [])),
    certificates: plan.changes.flatMap((c) => (c.kind === 'certificate' ? [{ path: c.path, key: fingerprint(c.key), keyType: c.key.type, names: c.names, why: c.why }] : [])),
    logins: plan.provable,
    refusals: plan.refusals,
    notices: plan.notices,
  };
}

function factsLine(plan: HostPlan): string {
  const { facts } = plan;
  const skew = facts.clock - facts.observedAt;
  const reload = facts.reload === undefined ? 'no listener found' : facts.reload.kind === 'systemd' ? facts.reload.unit : facts.reload.kind;
  return printable([facts.os, `OpenSSH ${facts.version?.text ?? 'of unknown version'}`, reload, `${facts.hostKeys.length} host keys`, Math.abs(skew) <= 2 ? '' : `clock ${formatDuration(Math.abs(skew))} ${skew > 0 ? 'ahead' : 'behind'}`].filter((t) => t !== '').join(' · '));
}

function renderChange(io: Pick<Io, 'colour'>, change: Change): string[] {
  if (change.kind === 'certificate') {
    const sign = change.beforeSha256 === undefined ? paint(io, 'good', '+') : paint(io, 'warn', '~');
    return [
      `  ${sign} ${printable(change.path)}  ${paint(io, 'dim', printable(`certificate: ${change.why}`))}`,
      `      for ${change.key.type} ${fingerprint(change.key)} (${printable(change.keyPath)})`,
      `      names ${change.names.join(', ')}`,
    ];
  }
  const sign = change.beforeSha256 === undefined ? paint(io, 'good', '+') : change.after === undefined ? paint(io, 'bad', '-') : paint(io, 'warn', '~');
  const difference = diffLines(change.before, change.after).map((line) => `      ${paint(io, line.startsWith('+') ? 'good' : line.startsWith('-') ? 'bad' : 'dim', printable(line))}`);
  return [`  ${sign} ${printable(change.path)}  ${paint(io, 'dim', `mode ${change.mode}: ${change.why}`)}`, ...difference];
}

function proofLine(plan: HostPlan): string {
  const logins = plan.provable.map(({ login, principal }) => `${login} as ${principal}`);
  return ['the served certificate', 'the login used now', ...logins.map((l) => `a certificate login to ${l}`)].join(', ');
}
