import { type AppError, usageError } from '../base/errors.ts';
import { suggest } from '../base/suggest.ts';
import type { Profile, Profiles } from '../ca/profile.ts';
import type { Host } from '../inventory/host.ts';

/**
 * The profile by which each host's certificate is issued, looked up before anything is connected to. One mistake is
 * told for each wrong name, however many hosts have it.
 * @throws AppError `inventory/unknown-profile`, `inventory/wrong-profile`, or `inventory/invalid` with several of them
 */
export function hostProfiles(hosts: readonly Host[], profiles: Profiles, configFile: string): (host: Host) => Profile {
  const first = new Map<string, Host>();
  for (const host of hosts) if (!first.has(host.profile)) first.set(host.profile, host);
  const mistakes = [...first.values()].flatMap((host) => mistakeOf(host, profiles, configFile) ?? []);
  const [one, ...others] = mistakes;
  if (one !== undefined) throw others.length === 0 ? one : usageError('inventory/invalid', `${mistakes.length} profiles cannot be used`, { details: mistakes });
  return ({ profile }) => {
    const found = profiles.get(profile);
    if (found === undefined) throw new Error('a profile was not checked');
    return found;
  };
}

function mistakeOf(host: Host, profiles: Profiles, configFile: string): AppError | undefined {
  const usable = [...profiles.values()].filter(({ type, internal }) => type === 'host' && !internal).map(({ name }) => name);
  const profile = profiles.get(host.profile);
  if (profile === undefined || profile.internal) {
    const meant = suggest(host.profile, usable);
    const hint = meant === undefined ? `the profiles of hosts are ${usable.join(', ')}; others are made under profiles: in ${configFile}` : `did you mean ${JSON.stringify(meant)}?`;
    return usageError('inventory/unknown-profile', `${host.name}: there is no profile ${JSON.stringify(host.profile)}`, { hint, at: host.at });
  }
  if (profile.type === 'host') return undefined;
  return usageError('inventory/wrong-profile', `${host.name}: profile ${JSON.stringify(host.profile)} is for ${profile.type} certificates`, { hint: `a host takes one of ${usable.join(', ')}`, at: host.at });
}
