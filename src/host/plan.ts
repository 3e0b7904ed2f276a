import { fingerprint, formatPublicKeyLine } from '../wire/public-key.ts';
import { directives, PATHS, principalsPath, type Directive } from '../sshd/drop-in.ts';
import { effectiveValue, effectiveValues } from '../sshd/effective.ts';
import { isAbandoned, type HostFacts } from './facts.ts';
import { fileChange } from './file-change.ts';
import { findHazards } from './hazards.ts';
import { planCertificates } from './plan-certificates.ts';
import { planConfiguration } from './plan-config.ts';
import type { FileChange, HostPlan, Notice, Refusal } from './plan-types.ts';
import { sha256 } from './probe-output.ts';
import { principalsText, type TrustSpec } from './spec.ts';
import type { HostState } from './state.ts';

export interface PlanInput {
  readonly facts: HostFacts;
  readonly spec: TrustSpec;
  /** What the last confirmed change recorded on the host; undefined on a host that is new to ensign. */
  readonly state: HostState | undefined;
  /** The text of the drop-in for these directives. */
  readonly renderDropIn: (directives: readonly Directive[]) => string;
  /** Overwrite managed files that somebody else has edited. */
  readonly adopt?: boolean;
}

/**
 * Says what has to change on a host, from what was observed and what should be true. Pure: the same input gives the
 * same plan, byte for byte. Keys and certificates come before the directives that name them, and that order is kept.
 */
export function planHost(input: PlanInput): HostPlan {
  const { facts, spec } = input;
  const certificates = planCertificates(facts, spec);
  const wanted = directives(certificates.served.map((c) => c.path));
  const configuration = planConfiguration(facts, wanted, input.renderDropIn);
  const changes = [
    fileChange(facts, PATHS.userAuthorities, authoritiesText(spec), 'the keys whose user certificates this host accepts'),
    ...[...spec.principals].map(([login, names]) => fileChange(facts, principalsPath(login), principalsText(names), `principals that may log in as ${login}`)),
    ...strayPrincipals(facts, spec),
    ...certificates.changes,
    ...configuration.changes,
    // last: until the drop-in is replaced it still names them
    ...strayCertificates(facts, certificates.served.map((c) => c.path)),
  ].filter((change) => change !== undefined);
  return {
    facts,
    changes,
    directories: missingDirectories(facts, configuration.usesDropIn),
    directives: wanted,
    served: certificates.served,
    provable: provable(facts, spec),
    refusals: [...findHazards(facts, spec), ...configuration.refusals, ...certificates.refusals, ...otherAuthority(input), ...foreignEdits(input, changes)],
    notices: [...certificates.notices, ...loginNotices(facts, spec), ...hostnameNotices(facts, spec), ...abandonedNotices(facts)],
  };
}

function authoritiesText(spec: TrustSpec): string {
  return spec.userAuthorities.map((key) => `${formatPublicKeyLine(key, 'ensign user authority')}\n`).join('');
}

// a login that is no longer mapped must stop accepting certificates
function strayPrincipals(facts: HostFacts, spec: TrustSpec): (FileChange | undefined)[] {
  return [...facts.files.keys()]
    .filter((path) => path.startsWith(`${PATHS.principals}/`) && !spec.principals.has(path.slice(PATHS.principals.length + 1)))
    .map((path) => fileChange(facts, path, undefined, 'this login is not mapped any more: it stops accepting certificates'));
}

// a host key that sshd dropped leaves a certificate that nobody renews
function strayCertificates(facts: HostFacts, served: readonly string[]): (FileChange | undefined)[] {
  return [...facts.files.keys()]
    .filter((path) => path.startsWith(`${PATHS.directory}/`) && path.endsWith('-cert.pub') && !served.includes(path))
    .map((path) => fileChange(facts, path, undefined, 'sshd uses this host key no more'));
}

function missingDirectories(facts: HostFacts, usesDropIn: boolean): HostPlan['directories'] {
  const wanted = [...(usesDropIn ? ['/etc/ssh/sshd_config.d'] : []), PATHS.directory, PATHS.principals];
  return wanted.filter((path) => !facts.directories.has(path)).map((path) => ({ path, mode: '755' }));
}

/** The logins in which a fresh certificate must succeed: those that exist, have a shell, and that sshd lets in by one key. */
function provable(facts: HostFacts, spec: TrustSpec): HostPlan['provable'] {
  return [...spec.principals].flatMap(([login, [principal]]) => (principal !== undefined && obstacle(facts, login) === undefined ? [{ login, principal }] : []));
}

function loginNotices(facts: HostFacts, spec: TrustSpec): Notice[] {
  if (spec.principals.size === 0) return [{ code: 'host/no-logins', message: 'no login is mapped: nobody will be able to log in here by certificate' }];
  return [...spec.principals.keys()].flatMap((login) => {
    const why = obstacle(facts, login);
    return why === undefined ? [] : [{ code: 'host/login-not-provable', message: `login ${login} is mapped, but ${why}: it is set up and not tried` }];
  });
}

function abandonedNotices({ transactions, clock, lock }: HostFacts): Notice[] {
  return transactions.filter((t) => isAbandoned(t, clock)).map(({ id }) => ({ code: 'host/abandoned-change', message: `change ${id} was abandoned (${lock ?? 'nobody knows by whom'}): apply undoes it first, and then plans anew` }));
}

// people type what the host calls itself; a certificate without that name leaves them with a question
function hostnameNotices({ fqdn, hostname }: HostFacts, { names }: TrustSpec): Notice[] {
  const own = (fqdn ?? hostname).toLowerCase();
  if (own === '' || own === 'localhost' || names.includes(own)) return [];
  return [{ code: 'host/other-hostname', message: `the host calls itself ${own}, which is not among its names: add it to \`names\` if people type it` }];
}

function obstacle(facts: HostFacts, login: string): string | undefined {
  const shell = facts.accounts.get(login);
  if (shell === undefined) return 'the host has no such account';
  if (/\/(nologin|false)$/.test(shell)) return `its shell is ${shell}`;
  const config = facts.effectiveFor.get(login) ?? facts.effective;
  if (login === 'root' && effectiveValue(config, 'permitrootlogin')?.toLowerCase() === 'no') return 'PermitRootLogin is no';
  if (login === 'root' && effectiveValue(config, 'permitrootlogin')?.toLowerCase() === 'forced-commands-only') return 'PermitRootLogin is forced-commands-only';
  const methods = effectiveValues(config, 'authenticationmethods').join(' ');
  if (methods !== '' && methods !== 'any' && !methods.split(' ').includes('publickey')) return `AuthenticationMethods asks for ${methods}`;
  const restricted = ['allowusers', 'allowgroups', 'denyusers', 'denygroups'].find((k) => effectiveValues(config, k).length > 0);
  if (restricted !== undefined && !(restricted === 'allowusers' && effectiveValues(config, 'allowusers').includes(login))) return `${restricted} may exclude it`;
  return effectiveValue(config, 'forcecommand') === undefined ? undefined : 'ForceCommand is set for it';
}

// two workspaces that take turns on a host would lock out each other's people
function otherAuthority({ facts, spec, state, adopt }: PlanInput): Refusal[] {
  if (adopt === true || state === undefined) return [];
  const ours = spec.userAuthorities.map(fingerprint);
  if (state.userAuthorities.length === 0 || state.userAuthorities.some((print) => ours.includes(print))) return [];
  const when = new Date(state.confirmedAt * 1000).toISOString().slice(0, 10);
  return [{ code: 'host/other-authority', message: `${facts.hostname} is under another authority, ${state.userAuthorities.join(', ')}, put there as ${state.host} by ${state.operator} on ${when}`, hint: 'is this the right workspace? `--adopt` takes the host over: certificates of the other authority then open nothing' }];
}

// only what this plan would write over matters: a file that is right again, or that nobody wants, stops nothing
function foreignEdits({ facts, state, adopt }: PlanInput, changes: HostPlan['changes']): Refusal[] {
  if (adopt === true || state === undefined) return [];
  return Object.entries(state.files).flatMap(([path, recorded]) => {
    const found = facts.files.get(path);
    if (found?.sha256 === recorded || !changes.some((change) => change.path === path)) return [];
    const what = found === undefined ? 'was removed' : 'was edited';
    return [{ code: 'host/foreign-edit', message: `${path} ${what} since ensign wrote it`, hint: 'look at the difference in `plan`; `--adopt` writes it anew' }];
  });
}

/** A digest of everything that will be written: two plans with the same digest do the same to a host. */
export function planDigest(plan: HostPlan): string {
  return sha256(JSON.stringify({
    changes: plan.changes.map((c) => (c.kind === 'file' ? [c.path, c.beforeSha256, c.after, c.mode] : [c.path, c.beforeSha256, c.keyPath, c.names])),
    directories: plan.directories,
    directives: plan.directives,
  }));
}

/** `SHA256:...` of every host key that the plan saw. */
export function hostKeyFingerprints(plan: HostPlan): string[] {
  return plan.facts.hostKeys.flatMap(({ key }) => (key === undefined ? [] : [fingerprint(key)]));
}
