import type { Seconds } from '../base/duration.ts';
import { AppError, usageError } from '../base/errors.ts';
import type { Purpose } from './authority.ts';
import { CRITICAL_OPTIONS, EXTENSIONS } from './cert-options.ts';
import { patternProblem } from './principal-pattern.ts';

/** Validated limits for certificates: what may be asked for, and what is given when nothing is asked. */
export interface Profile {
  readonly name: string;
  readonly type: Purpose;
  /** Patterns of principals that may be asked for, see principal-pattern.ts. None at all means that nothing is allowed. */
  readonly principals: readonly string[];
  readonly defaultTtl: Seconds;
  readonly minTtl: Seconds;
  readonly maxTtl: Seconds;
  /** How far `valid after` lies before the moment of issue, for hosts whose clocks run late. */
  readonly backdate: Seconds;
  readonly extensions: { readonly allowed: readonly string[]; readonly default: readonly string[] };
  /** Critical options that may be asked for. */
  readonly criticalOptions: readonly string[];
  /** Used by ensign itself and not for `ensign ca sign`. */
  readonly internal: boolean;
}

export type Profiles = ReadonlyMap<string, Profile>;

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** A year: longer than this is refused even where a profile asks for it. */
export const LONGEST_TTL: Seconds = 366 * DAY;
export const LONGEST_BACKDATE: Seconds = HOUR;

const USER: Profile = {
  name: 'user',
  type: 'user',
  principals: ['*'],
  defaultTtl: 16 * HOUR,
  minTtl: 5 * MINUTE,
  maxTtl: 24 * HOUR,
  backdate: MINUTE,
  extensions: {
    allowed: ['permit-X11-forwarding', 'permit-agent-forwarding', 'permit-port-forwarding', 'permit-pty', 'permit-user-rc', 'no-touch-required'],
    // a forwarded agent or display can be used by root of every host on the way: only for those who ask
    default: ['permit-port-forwarding', 'permit-pty', 'permit-user-rc'],
  },
  criticalOptions: ['force-command', 'source-address', 'verify-required'],
  internal: false,
};

const HOST: Profile = {
  name: 'host',
  type: 'host',
  principals: ['*'],
  defaultTtl: 30 * DAY,
  minTtl: 5 * MINUTE,
  maxTtl: 90 * DAY,
  backdate: MINUTE,
  extensions: { allowed: [], default: [] },
  criticalOptions: [],
  internal: false,
};

// the login that shows that a changed host still lets people in: no terminal, no forwarding, gone in minutes
const PROOF: Profile = {
  ...USER,
  name: 'proof',
  defaultTtl: 5 * MINUTE,
  minTtl: MINUTE,
  maxTtl: 15 * MINUTE,
  extensions: { allowed: [], default: [] },
  criticalOptions: ['force-command', 'source-address'],
  internal: true,
};

export const DEFAULT_PROFILES: Profiles = new Map([USER, HOST, PROOF].map((p) => [p.name, p]));

/** What a workspace says about a profile; what it leaves out comes from the default profile of the same name or type. */
export interface ProfileSettings {
  readonly type?: Purpose | undefined;
  readonly principals?: readonly string[] | undefined;
  readonly ttl?: Seconds | undefined;
  readonly minTtl?: Seconds | undefined;
  readonly maxTtl?: Seconds | undefined;
  readonly backdate?: Seconds | undefined;
  readonly allowedExtensions?: readonly string[] | undefined;
  readonly extensions?: readonly string[] | undefined;
  readonly criticalOptions?: readonly string[] | undefined;
}

/**
 * Makes one profile from settings.
 * @throws AppError `ca/bad-profile` naming every contradiction at once
 */
export function defineProfile(name: string, settings: ProfileSettings): Profile {
  const same = DEFAULT_PROFILES.get(name);
  const type = settings.type ?? same?.type;
  if (type === undefined) {
    throw usageError('ca/bad-profile', `profile ${JSON.stringify(name)} has no type`, { hint: 'write type: user or type: host' });
  }
  const base = same?.type === type ? same : type === 'user' ? USER : HOST;
  const maxTtl = settings.maxTtl ?? Math.max(base.maxTtl, settings.ttl ?? 0, settings.minTtl ?? 0);
  const minTtl = settings.minTtl ?? Math.min(base.minTtl, settings.ttl ?? maxTtl, maxTtl);
  const profile: Profile = {
    name,
    type,
    principals: settings.principals ?? base.principals,
    defaultTtl: settings.ttl ?? Math.max(minTtl, Math.min(base.defaultTtl, maxTtl)),
    minTtl,
    maxTtl,
    backdate: settings.backdate ?? base.backdate,
    extensions: {
      allowed: settings.allowedExtensions ?? base.extensions.allowed,
      default: settings.extensions ?? base.extensions.default.filter((e) => (settings.allowedExtensions ?? base.extensions.allowed).includes(e)),
    },
    criticalOptions: settings.criticalOptions ?? base.criticalOptions,
    internal: same?.internal ?? false,
  };
  const problems = profileProblems(profile);
  if (problems.length > 0) {
    throw usageError('ca/bad-profile', `profile ${JSON.stringify(name)}: ${problems.join('; ')}`, { hint: 'correct the profile in ensign.yaml' });
  }
  return profile;
}

/** @throws AppError `ca/unknown-profile` */
export function findProfile(profiles: Profiles, name: string): Profile {
  const profile = profiles.get(name);
  if (profile !== undefined) return profile;
  const known = [...profiles.values()].filter((p) => !p.internal).map((p) => p.name);
  throw new AppError('ca/unknown-profile', `there is no profile ${JSON.stringify(name)}`, { exit: 2, hint: `the profiles are ${known.join(', ')}` });
}

function profileProblems(p: Profile): string[] {
  const problems: string[] = [];
  if (!/^[a-z0-9](?:[a-z0-9-]{0,34}[a-z0-9])?$/.test(p.name)) problems.push('a name is 1 to 36 of a-z, 0-9 and inner dashes');
  for (const pattern of p.principals) {
    const problem = patternProblem(p.type, pattern);
    if (problem !== undefined) problems.push(problem);
  }
  if (p.minTtl > p.maxTtl) problems.push('minTtl is longer than maxTtl');
  if (p.defaultTtl < p.minTtl || p.defaultTtl > p.maxTtl) problems.push('ttl is not between minTtl and maxTtl');
  if (p.maxTtl > LONGEST_TTL) problems.push('maxTtl is longer than a year');
  if (p.backdate > LONGEST_BACKDATE) problems.push('backdate is longer than an hour');
  for (const e of p.extensions.allowed) if (!EXTENSIONS[p.type].includes(e)) problems.push(`${JSON.stringify(e)} is no extension of ${p.type} certificates`);
  for (const e of p.extensions.default) if (!p.extensions.allowed.includes(e)) problems.push(`extension ${JSON.stringify(e)} is given but not in allowedExtensions`);
  for (const o of p.criticalOptions) if (!CRITICAL_OPTIONS[p.type].includes(o)) problems.push(`${JSON.stringify(o)} is no critical option of ${p.type} certificates`);
  return problems;
}
