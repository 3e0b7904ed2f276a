import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { canonicalIpv6, hostNameProblem } from '../../../src/inventory/names.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';

// why an IPv6 address has one spelling: what OpenSSH's own client makes of the others

const SPELLINGS = ['::1', '0:0:0:0:0:0:0:1', '0::0001', '::0:1'];
let sshd: LocalSshd;

/** An sshd on ::1 whose host certificate carries this principal. */
async function start(principal: string): Promise<void> {
  sshd = await LocalSshd.start({
    config: ['ListenAddress ::1', 'HostCertificate %d/host_ed25519-cert.pub'],
    prepare: (folder) => {
      makeKey(`${folder}/ca`, 'ed25519');
      makeKey(`${folder}/user`, 'ed25519');
      execFileSync('ssh-keygen', ['-q', '-s', `${folder}/ca`, '-h', '-I', 'x', '-n', principal, `${folder}/host_ed25519.pub`], { timeout: 20_000 });
      writeFileSync(`${folder}/known_hosts`, `@cert-authority * ${readFileSync(`${folder}/ca.pub`, 'utf8')}`);
    },
  });
  sshd.authorize(readFileSync(sshd.path('user.pub'), 'utf8'));
}

afterEach(() => sshd.stop());

function opens(address: string): boolean {
  const options = ['-F', 'none', '-i', sshd.path('user'), '-p', String(sshd.port), ...['IdentitiesOnly=yes', 'BatchMode=yes', 'StrictHostKeyChecking=yes', 'GlobalKnownHostsFile=none', `UserKnownHostsFile=${sshd.path('known_hosts')}`].flatMap((one) => ['-o', one])];
  const { status, stderr } = spawnSync('ssh', [...options, address, 'true'], { encoding: 'utf8', timeout: 30_000 });
  if (status !== 0) expect(stderr).toContain('Host key verification failed');
  return status === 0;
}

// a container without IPv6 cannot show it
const loopback = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));

describe.skipIf(!loopback)('a host certificate for an IPv6 address', () => {
  it('in the spelling that the inventory takes is good for whatever people type', async () => {
    expect(hostNameProblem('::1')).toBeUndefined();
    await start('::1');
    expect(SPELLINGS.map((spelling) => [canonicalIpv6(spelling), opens(spelling)])).toEqual(SPELLINGS.map(() => ['::1', true]));
  });

  it.each(['0:0:0:0:0:0:0:1', '[::1]'])('in the spelling %s, which the inventory refuses, is good for nothing', async (principal) => {
    expect(hostNameProblem(principal)?.hint).toContain('write ::1');
    await start(principal);
    expect(SPELLINGS.map(opens)).toEqual(SPELLINGS.map(() => false));
  });
});
