import { describe, expect, test } from 'vitest';
import type { HostFacts } from '../../../src/host/facts.ts';
import { findHazards } from '../../../src/host/hazards.ts';
import { parseEffectiveConfig } from '../../../src/sshd/effective.ts';
import { bookwormFacts, RECORDED_AT, SPEC } from '../../golden/host/fixture.ts';

const facts = bookwormFacts();

function effective(lines: string): Partial<HostFacts> {
  const config = new Map([...facts.effective, ...parseEffectiveConfig(lines)]);
  return { effective: config, effectiveFor: new Map() };
}

const HAZARDS: readonly [string, Partial<HostFacts>, string][] = [
  ['sshd -t fails before any change', { sshdTest: { exit: 255, stderr: ['bad line'] } }, 'host/sshd-broken'],
  ['sshd -T prints nothing', { effective: new Map() }, 'host/sshd-broken'],
  ['sshd runs with -f', { listenerArguments: ['-D', '-f', '/etc/other'] }, 'host/sshd-arguments'],
  ['sshd runs with -o', { listenerArguments: ['-o', 'Port=2222'] }, 'host/sshd-arguments'],
  ['a port that was never loaded', effective('port 2222'), 'host/pending-configuration'],
  ['root connects, and root is not let in any more', { ...effective('permitrootlogin no'), operator: 'root' }, 'host/pending-configuration'],
  ['DenyUsers names the operator', effective('denyusers ops'), 'host/pending-configuration'],
  ['AllowUsers leaves the operator out', effective('allowusers alice\nallowusers bob'), 'host/pending-configuration'],
  ['nothing to reload', { reload: undefined }, 'host/no-listener'],
  ['no sha256sum', { tools: new Set([...facts.tools].filter((t) => t !== 'sha256sum')) }, 'host/missing-tools'],
  ['neither systemd nor a cron that runs', { systemd: false, tools: new Set([...facts.tools].filter((t) => t !== 'cron')) }, 'host/no-boot-undo'],
  ['clock ahead', { clock: RECORDED_AT + 61 }, 'host/clock-skew'],
  ['clock behind', { clock: RECORDED_AT - 61 }, 'host/clock-skew'],
  ['read-only', { writable: false }, 'host/read-only'],
  ['disk full', { freeKib: 100 }, 'host/no-space'],
  ['inodes full', { freeInodes: 3 }, 'host/no-space'],
  ['a change is armed', { transactions: [{ id: 'a', state: 'armed', deadline: RECORDED_AT + 30, reason: undefined }] }, 'host/locked'],
  ['a change is being undone', { transactions: [{ id: 'a', state: 'rolling-back', deadline: undefined, reason: 'boot' }] }, 'host/locked'],
  ['another user CA', effective('trustedusercakeys /etc/ssh/other.pub'), 'host/foreign-user-ca'],
  ['another principals file', effective('AuthorizedPrincipalsFile .ssh/principals'), 'host/foreign-principals'],
  ['a principals command', effective('authorizedprincipalscommand /usr/bin/x'), 'host/foreign-principals-command'],
  ['another host certificate', effective('hostcertificate /etc/ssh/ssh_host_ed25519_key-cert.pub'), 'host/foreign-certificate'],
  ['CA signatures excluded', effective('casignaturealgorithms rsa-sha2-512'), 'host/ca-algorithm-excluded'],
  ['certificate logins excluded', effective('pubkeyacceptedalgorithms ssh-ed25519,rsa-sha2-512'), 'host/certificate-logins-excluded'],
  ['certificate logins excluded, before 8.5', { ...effective('pubkeyacceptedkeytypes ssh-ed25519') , effective: new Map([...[...facts.effective].filter(([k]) => k !== 'pubkeyacceptedalgorithms'), ['pubkeyacceptedkeytypes', ['ssh-ed25519']]]) }, 'host/certificate-logins-excluded'],
  ['public keys switched off', effective('pubkeyauthentication no'), 'host/certificate-logins-excluded'],
];

describe('a hazard is found before anything is touched', () => {
  test('a sound host has none', () => {
    expect(findHazards(facts, SPEC)).toEqual([]);
  });

  test.each(HAZARDS)('%s', (_name, change, code) => {
    expect(findHazards({ ...facts, ...change }, SPEC).map((r) => r.code)).toEqual([code]);
  });

  test.each([
    ['AllowUsers names the operator', effective('allowusers alice ops')],
    ['AllowUsers has a pattern', effective('allowusers op*')],
    ['systemd holds the port', { ...effective('port 2222'), socketActivated: true }],
    ['two ports', effective('port 2222\nport 22')],
  ])('%s: nothing is pending', (_name, change) => {
    expect(findHazards({ ...facts, ...change }, SPEC)).toEqual([]);
  });

  test('a trust that only some logins have is found as well', () => {
    const effectiveFor = new Map([['deploy', parseEffectiveConfig('trustedusercakeys /etc/ssh/other.pub\n')]]);
    expect(findHazards({ ...facts, effectiveFor }, SPEC).map((r) => r.code)).toEqual(['host/foreign-user-ca']);
  });

  test('an abandoned change whose deadline has passed does not stop the next one', () => {
    expect(findHazards({ ...facts, transactions: [{ id: 'a', state: 'armed', deadline: RECORDED_AT - 1, reason: undefined }] }, SPEC)).toEqual([]);
  });
});
