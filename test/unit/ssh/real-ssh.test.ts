import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { checkHostCertificate } from '../../../src/ssh/host-certificates.ts';
import { hostKeyCheck } from '../../../src/ssh/host-keys.ts';
import { parseKnownHosts } from '../../../src/ssh/known-hosts.ts';
import { parseCertificateLine } from '../../../src/wire/certificate.ts';
import { formatPublicKeyLine } from '../../../src/wire/public-key.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';

// the stock client and ensign judge the same server by the same file
let sshd: LocalSshd;

beforeAll(async () => {
  sshd = await LocalSshd.start({
    config: ['HostCertificate %d/host_ed25519-cert.pub'],
    prepare: (directory) => {
      for (const name of ['login', 'other', 'ca', 'other_ca']) makeKey(`${directory}/${name}`, 'ed25519');
      makeKey(`${directory}/ec`, 'ecdsa');
      execFileSync('ssh-keygen', ['-q', '-s', `${directory}/ca`, '-I', 'test', '-h', '-n', '127.0.0.1', `${directory}/host_ed25519.pub`]);
    },
  });
  sshd.authorize(readFileSync(sshd.path('login.pub'), 'utf8'));
});

afterAll(() => sshd.stop());

/** HOST, OTHER, EC, CA and OTHER_CA become keys, PORT the port. */
function fill(template: string): string {
  const key = (name: string): string => formatPublicKeyLine(sshd.publicKey(`${name}.pub`));
  const keys = { HOST: 'host_ed25519', OTHER_CA: 'other_ca', OTHER: 'other', EC: 'ec', CA: 'ca' };
  let text = template.replaceAll('PORT', String(sshd.port));
  for (const [word, name] of Object.entries(keys)) text = text.replace(new RegExp(`\\b${word}\\b`, 'g'), key(name));
  return text;
}

function stockSsh(knownHosts: string, algorithms: string): 'accepted' | 'refused' {
  writeFileSync(sshd.path('known_hosts'), knownHosts);
  const options = ['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=yes', 'GlobalKnownHostsFile=/dev/null', `UserKnownHostsFile=${sshd.path('known_hosts')}`, `HostKeyAlgorithms=${algorithms}`];
  const argv = ['-F', 'none', '-i', sshd.path('login'), '-p', String(sshd.port), ...options.flatMap((o) => ['-o', o]), `${sshd.user}@127.0.0.1`, 'true'];
  const { status, stderr } = spawnSync('ssh', argv, { encoding: 'utf8' });
  if (status === 0) return 'accepted';
  if (!/Host key verification failed|REVOKED|Host key for .* has changed/.test(stderr)) throw new Error(`ssh failed for another reason: ${stderr}`);
  return 'refused';
}

describe('a plain host key', () => {
  it.each<[what: string, template: string, answer: string]>([
    ['known', '[127.0.0.1]:PORT HOST\n', 'accepted'],
    ['known without the port', '127.0.0.1 HOST\n', 'accepted'],
    ['unknown', '127.0.0.2 HOST\n', 'refused'],
    ['empty file', '', 'refused'],
    ['changed', '[127.0.0.1]:PORT OTHER\n', 'refused'],
    ['changed, though known without the port', '[127.0.0.1]:PORT OTHER\n127.0.0.1 HOST\n', 'refused'],
    ['known as the second of two', '[127.0.0.1]:PORT OTHER\n[127.0.0.1]:PORT HOST\n', 'accepted'],
    ['known by another type', '[127.0.0.1]:PORT EC\n', 'refused'],
    ['pattern', '[127.0.0.?]:* HOST\n', 'accepted'],
    ['negated for the name without port', '!127.0.0.1,* HOST\n', 'accepted'],
    ['negated', '![127.0.0.1]:*,[*]:* HOST\n', 'refused'],
    ['revoked', '[127.0.0.1]:PORT HOST\n@revoked [127.0.0.1]:PORT HOST\n', 'refused'],
    ['revoked for all', '[127.0.0.1]:PORT HOST\n@revoked * HOST\n', 'refused'],
    ['two markers', '@revoked @cert-authority * HOST\n[127.0.0.1]:PORT HOST\n', 'accepted'],
    ['unknown marker', '@x [127.0.0.1]:PORT HOST\n', 'refused'],
    ['options', '[127.0.0.1]:PORT no-pty HOST\n', 'refused'],
    ['CRLF', '[127.0.0.1]:PORT HOST\r\n', 'accepted'],
    ['CRLF and comment', '[127.0.0.1]:PORT HOST a comment\r\n', 'accepted'],
    ['indentation and tabs', ' \t[127.0.0.1]:PORT\t HOST\n', 'accepted'],
    ['authority only', '@cert-authority [127.0.0.1]:PORT HOST\n', 'refused'],
  ])('%s', (_what, template, answer) => {
    const text = fill(template);
    const verdict = hostKeyCheck({ names: ['127.0.0.1'], port: sshd.port, knownHosts: parseKnownHosts(text, 'kh'), firstContact: 'known-hosts' })(sshd.hostKey());
    expect([stockSsh(text, 'ssh-ed25519'), verdict.accepted ? 'accepted' : 'refused']).toEqual([answer, answer]);
  });
});

describe('a host certificate', () => {
  function ensign(text: string, names = ['127.0.0.1']): string {
    const { certificate } = parseCertificateLine(readFileSync(sshd.path('host_ed25519-cert.pub'), 'utf8'));
    try {
      checkHostCertificate(certificate, { names, port: sshd.port, knownHosts: parseKnownHosts(text, 'kh'), nowSeconds: Math.floor(Date.now() / 1000) });
      return 'accepted';
    } catch (error) {
      if (error instanceof AppError) return error.code;
      throw error;
    }
  }

  it.each<[what: string, template: string, stock: string, ours: string]>([
    ['of a known authority', '@cert-authority [127.0.0.1]:PORT CA\n', 'accepted', 'accepted'],
    ['of an authority known without the port', '@cert-authority 127.0.0.1 CA\n', 'accepted', 'accepted'],
    ['of one of two authorities', '@cert-authority [127.0.0.1]:PORT OTHER_CA\n@cert-authority [127.0.0.1]:PORT CA\n', 'accepted', 'accepted'],
    ['of an unknown authority', '@cert-authority [127.0.0.1]:PORT OTHER_CA\n', 'refused', 'wire/unknown-authority'],
    ['of an authority for other names', '@cert-authority [127.0.0.2]:PORT CA\n', 'refused', 'ssh/no-authority'],
    ['of an authority that stands there as a plain key', '[127.0.0.1]:PORT CA\n', 'refused', 'ssh/no-authority'],
    ['of a revoked authority, row 12', '@cert-authority [127.0.0.1]:PORT CA\n@revoked [127.0.0.1]:PORT CA\n', 'refused', 'ssh/host-key-revoked'],
    ['of an authority revoked for all, row 12', '@revoked * CA\n@cert-authority [127.0.0.1]:PORT CA\n', 'refused', 'ssh/host-key-revoked'],
    ['for a revoked host key', '@cert-authority [127.0.0.1]:PORT CA\n@revoked * HOST\n', 'refused', 'ssh/host-key-revoked'],
  ])('%s', (_what, template, stock, ours) => {
    const text = fill(template);
    expect([stockSsh(text, 'ssh-ed25519-cert-v01@openssh.com'), ensign(text)]).toEqual([stock, ours]);
  });

  it('is not good for a name by an authority that is trusted for another name of the host', () => {
    const text = fill('@cert-authority [web]:PORT CA\n');
    expect(ensign(text, ['web', '127.0.0.1'])).toBe('wire/wrong-principal');
    expect(ensign(fill('@cert-authority [web]:PORT CA\n@cert-authority [127.0.0.1]:PORT CA\n'), ['web', '127.0.0.1'])).toBe('accepted');
  });
});
