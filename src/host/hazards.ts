import { formatDuration } from '../base/duration.ts';
import { printable } from '../base/text.ts';
import { PATHS } from '../sshd/drop-in.ts';
import { effectiveList, effectiveValue, effectiveValues, type EffectiveConfig } from '../sshd/effective.ts';
import { isAbandoned, isOpen, type HostFacts } from './facts.ts';
import type { Refusal } from './plan-types.ts';
import type { TrustSpec } from './spec.ts';

const LEAST_FREE_KIB = 4096;
const LEAST_FREE_INODES = 64;

/** Everything about a host that makes a change unsafe, found before anything is touched. Each rule is a sentence of its own. */
export function findHazards(facts: HostFacts, spec: TrustSpec): Refusal[] {
  return [brokenSshd, pendingConfiguration, foreignArguments, noReload, noWatchdog, noBootUndo, wrongClock, noSpace, unfinished, foreignTrust, excludedCertificates]
    .flatMap((rule) => rule(facts, spec));
}

function brokenSshd({ sshdTest, effective }: HostFacts): Refusal[] {
  if (sshdTest.exit === 0 && effective.size > 0) return [];
  return [{ code: 'host/sshd-broken', message: `sshd -t fails before any change: ${printable(sshdTest.stderr.slice(0, 3).join('; ')) || `exit ${sshdTest.exit}`}`, hint: 'mend the configuration of sshd first; ensign only changes what works' }];
}

// a reload loads everything, also what somebody wrote and never loaded; no undo of ours could take that back
function pendingConfiguration({ connection, effective, effectiveFor, operator, socketActivated }: HostFacts): Refusal[] {
  const refuse = (what: string): Refusal[] => [{ code: 'host/pending-configuration', message: `${what}, which the running sshd has not loaded: a reload would lock this login out`, hint: 'settle the configuration of sshd and reload it by hand first, with a session kept open' }];
  const port = connection.split(' ')[3];
  const ports = effectiveValues(effective, 'port');
  if (!socketActivated && port !== undefined && ports.length > 0 && !ports.includes(port)) return refuse(`sshd's configuration says port ${printable(ports.join(', '))}, and this connection is on ${printable(port)}`);
  const own = effectiveFor.get(operator) ?? effective;
  if (operator === 'root' && effectiveValue(own, 'permitrootlogin')?.toLowerCase() === 'no') return refuse('PermitRootLogin is no');
  if (words(own, 'denyusers').includes(operator)) return refuse(`DenyUsers names ${operator}`);
  const allowed = words(own, 'allowusers');
  // patterns and addresses are for sshd to judge
  return allowed.length > 0 && !allowed.some((word) => word === operator || /[*?@]/.test(word)) ? refuse(`AllowUsers does not name ${operator}`) : [];
}

function words(config: EffectiveConfig, keyword: string): string[] {
  return effectiveValues(config, keyword).flatMap((value) => value.split(/\s+/));
}

// -D and -e say nothing about the configuration; -f and -o make `sshd -t` look at another one than the running sshd
function foreignArguments({ listenerArguments }: HostFacts): Refusal[] {
  const foreign = (listenerArguments ?? []).filter((word) => !/^-[De46]+$/.test(word));
  return foreign.length === 0 ? [] : [{ code: 'host/sshd-arguments', message: `sshd was started with ${printable(foreign.join(' '))}, so its configuration is not what sshd -t looks at`, hint: 'move these options into sshd_config' }];
}

function noReload({ reload }: HostFacts): Refusal[] {
  return reload === undefined ? [{ code: 'host/no-listener', message: 'found neither a unit nor a listening process of sshd that could be reloaded', hint: 'is this connection served by another SSH server than OpenSSH?' }] : [];
}

function noWatchdog({ systemd, tools }: HostFacts): Refusal[] {
  const missing = ['sha256sum', 'stat', 'awk', 'readlink', 'cmp', 'diff', 'flock', 'ssh-keygen', ...(systemd ? [] : ['setsid'])].filter((tool) => !tools.has(tool));
  return missing.length === 0 ? [] : [{ code: 'host/missing-tools', message: `the host lacks ${missing.join(', ')}`, hint: 'install coreutils, diffutils, awk and util-linux, or their busybox forms' }];
}

// without systemd it is @reboot in /etc/cron.d that undoes an unconfirmed change after a reboot
function noBootUndo({ systemd, tools }: HostFacts): Refusal[] {
  return systemd || tools.has('cron') ? [] : [{ code: 'host/no-boot-undo', message: 'the host has neither systemd nor a running cron that reads /etc/cron.d: nothing could undo a change after a reboot', hint: 'install and start cron (cronie on some systems; that of busybox knows no @reboot)' }];
}

function wrongClock({ clock, observedAt }: HostFacts, { backdate }: TrustSpec): Refusal[] {
  const skew = clock - observedAt;
  return Math.abs(skew) <= backdate ? [] : [{ code: 'host/clock-skew', message: `the host's clock is ${formatDuration(Math.abs(skew))} ${skew > 0 ? 'ahead' : 'behind'}`, hint: 'certificates would be outside their validity; set the clock (chrony, systemd-timesyncd) first' }];
}

function noSpace({ writable, freeKib, freeInodes }: HostFacts): Refusal[] {
  if (!writable) return [{ code: 'host/read-only', message: '/etc/ssh or /var/lib cannot be written', hint: 'remount them read-write; image-based hosts get their files from the image' }];
  if ((freeKib ?? LEAST_FREE_KIB) < LEAST_FREE_KIB || (freeInodes ?? LEAST_FREE_INODES) < LEAST_FREE_INODES) {
    return [{ code: 'host/no-space', message: `only ${freeKib ?? '?'} KiB and ${freeInodes ?? '?'} inodes are free`, hint: 'a change needs room for its backups: make some' }];
  }
  return [];
}

function unfinished({ transactions, lock, clock }: HostFacts): Refusal[] {
  const open = transactions.find((t) => isOpen(t) && !isAbandoned(t, clock));
  if (open === undefined) return [];
  const left = open.deadline === undefined ? '' : `, undone in ${formatDuration(Math.max(1, open.deadline - clock))} unless confirmed`;
  return [{ code: 'host/locked', message: `another change is under way: ${printable(lock ?? open.id)}${left}`, hint: 'wait for it to end, then run this again' }];
}

function foreignTrust({ effective, effectiveFor }: HostFacts): Refusal[] {
  const everyone: readonly EffectiveConfig[] = [effective, ...effectiveFor.values()];
  const values = (keyword: string): string[] => [...new Set(everyone.flatMap((config) => effectiveValues(config, keyword)))];
  const found: Refusal[] = [];
  const trust = values('trustedusercakeys').filter((v) => v !== PATHS.userAuthorities);
  if (trust.length > 0) found.push({ code: 'host/foreign-user-ca', message: `sshd already trusts ${printable(trust.join(', '))} for user certificates`, hint: 'remove its TrustedUserCAKeys first; the first value wins, so logins by the other authority would stop' });
  const principals = values('authorizedprincipalsfile').filter((v) => v !== `${PATHS.principals}/%u`);
  if (principals.length > 0) found.push({ code: 'host/foreign-principals', message: `AuthorizedPrincipalsFile is already ${printable(principals.join(', '))}`, hint: 'move its principals into `logins` of the inventory, then remove the directive' });
  const command = values('authorizedprincipalscommand');
  if (command.length > 0) found.push({ code: 'host/foreign-principals-command', message: `AuthorizedPrincipalsCommand is ${printable(command.join(', '))}, which would accept principals that no plan shows`, hint: 'remove the directive first' });
  const certificates = values('hostcertificate').filter((v) => !v.startsWith(`${PATHS.directory}/`));
  if (certificates.length > 0) found.push({ code: 'host/foreign-certificate', message: `sshd already presents ${printable(certificates.join(', '))}`, hint: 'remove its HostCertificate first (cloud-init writes one into 50-cloud-init.conf); the last one of a key wins' });
  return found;
}

function excludedCertificates({ effective }: HostFacts, { userAuthorities, hostAuthority }: TrustSpec): Refusal[] {
  const found: Refusal[] = [];
  const signing = effectiveList(effective, 'casignaturealgorithms');
  for (const authority of [...userAuthorities, hostAuthority]) {
    const algorithms = authority.type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [authority.type];
    if (signing !== undefined && !algorithms.some((a) => signing.includes(a))) {
      found.push({ code: 'host/ca-algorithm-excluded', message: `CASignatureAlgorithms excludes ${algorithms[0] ?? ''}, with which the authority signs`, hint: 'add it to CASignatureAlgorithms, or use authorities of another key type' });
      break;
    }
  }
  const accepted = effectiveList(effective, 'pubkeyacceptedalgorithms', 'pubkeyacceptedkeytypes');
  if (accepted !== undefined && !accepted.some((a) => a.includes('-cert-v01@'))) {
    found.push({ code: 'host/certificate-logins-excluded', message: 'PubkeyAcceptedAlgorithms excludes every certificate type', hint: 'add ssh-ed25519-cert-v01@openssh.com to it' });
  }
  if (effectiveValue(effective, 'pubkeyauthentication')?.toLowerCase() === 'no') {
    found.push({ code: 'host/certificate-logins-excluded', message: 'PubkeyAuthentication is no, so no certificate can log in', hint: 'set PubkeyAuthentication yes' });
  }
  return found;
}
