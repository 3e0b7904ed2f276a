import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { checkHostCertificate } from '../../../src/ssh/host-certificates.ts';
import { parseKnownHosts } from '../../../src/ssh/known-hosts.ts';
import { parseCertificateLine } from '../../../src/wire/certificate.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';

// which names a host certificate is good for: the stock client and ensign judge the same certificate of a real sshd

const NAMES = ['acme.com', 'evilacme.com', 'www.acme.com', 'a.b.acme.com', 'acme.com.evil.org', 'ACME.com', '*.acme.com', '10.0.0.9', '10.0.0.90', '2001:db8::1', '2001:db8::10', '[2001:db8::1]', '2001:DB8::1'];

interface Case {
  readonly principals: string;
  /** Those of NAMES that both accept. */
  readonly good: readonly string[];
}

const CASES: readonly Case[] = [
  // a principal is no pattern to ssh: a wildcard vouches for nobody but itself, typed like that
  { principals: '*.acme.com', good: ['*.acme.com'] },
  { principals: '*', good: [] },
  { principals: 'acme.com', good: ['acme.com', 'ACME.com'] },
  { principals: 'a.b.acme.com,www.acme.com', good: ['www.acme.com', 'a.b.acme.com'] },
  { principals: '10.0.0.9,2001:db8::1', good: ['10.0.0.9', '2001:db8::1', '2001:DB8::1'] },
  // nobody types upper case to ssh: what is typed is lower-cased, what is in the certificate is not
  { principals: 'ACME.com,2001:DB8::1', good: [] },
  { principals: '[2001:db8::1],?cme.com,.acme.com', good: ['[2001:db8::1]'] },
];

describe.each(CASES)('row 16: a host certificate for $principals', ({ principals, good }) => {
  let sshd: LocalSshd;
  beforeAll(async () => {
    sshd = await LocalSshd.start({
      config: ['HostCertificate %d/host_ed25519-cert.pub'],
      prepare(directory) {
        makeKey(`${directory}/ca`, 'ed25519');
        execFileSync('ssh-keygen', ['-q', '-s', `${directory}/ca`, '-I', 'test', '-h', '-n', principals, `${directory}/host_ed25519.pub`], { timeout: 20_000 });
        writeFileSync(`${directory}/known_hosts`, `@cert-authority * ${readFileSync(`${directory}/ca.pub`, 'utf8')}`);
      },
    });
  });
  afterAll(() => sshd.stop());

  it('is good for these names, to ssh and to ensign', { timeout: 120_000 }, () => {
    expect(NAMES.filter((name) => stockAccepts(sshd, name))).toEqual(good);
    expect(NAMES.filter((name) => ensignAccepts(sshd, name))).toEqual(good);
  });
});

/** Nobody may log in, so that what ssh complains of tells whether it believed the host. */
function stockAccepts(sshd: LocalSshd, name: string): boolean {
  const options = ['BatchMode=yes', 'StrictHostKeyChecking=yes', `HostKeyAlias=${name}`, 'GlobalKnownHostsFile=/dev/null', `UserKnownHostsFile=${sshd.path('known_hosts')}`, 'HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com', 'PreferredAuthentications=none'];
  const { stderr } = spawnSync('ssh', ['-F', 'none', '-p', String(sshd.port), ...options.flatMap((o) => ['-o', o]), '127.0.0.1', 'true'], { encoding: 'utf8', timeout: 30_000 });
  if (stderr.includes('Permission denied')) return true;
  if (/name is not a listed principal|Host key verification failed|No ED25519 host key is known/.test(stderr)) return false;
  throw new Error(`ssh failed for another reason: ${stderr}`);
}

function ensignAccepts(sshd: LocalSshd, name: string): boolean {
  const { certificate } = parseCertificateLine(readFileSync(sshd.path('host_ed25519-cert.pub'), 'utf8'));
  try {
    checkHostCertificate(certificate, { names: [name], port: 22, knownHosts: parseKnownHosts(readFileSync(sshd.path('known_hosts'), 'utf8'), 'known_hosts'), nowSeconds: Math.floor(Date.now() / 1000) });
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'wire/wrong-principal') return false;
    throw error;
  }
}
