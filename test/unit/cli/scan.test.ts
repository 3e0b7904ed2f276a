import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { Io } from '../../../src/cli/io.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { parseScanTarget } from '../../../src/cli/scan-target.ts';
import { scanCommand } from '../../../src/cli/scan.ts';
import { fingerprint } from '../../../src/wire/public-key.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';
import { Terminal } from '../../../src/cli/terminal.ts';

let sshd: LocalSshd;
let plain: LocalSshd;

beforeAll(async () => {
  sshd = await LocalSshd.start({ config: ['HostCertificate %d/host_ed25519-cert.pub'], prepare: (d) => {
    makeKey(`${d}/host_ca`, 'ed25519');
    makeKey(`${d}/other_ca`, 'ed25519');
    certify(d, ['-n', '127.0.0.1,web', '-V', '+30d']);
  } });
  plain = await LocalSshd.start();
});
afterAll(async () => {
  await sshd.stop();
  await plain.stop();
});
afterEach(() => (process.exitCode = undefined));

function certify(directory: string, flags: readonly string[]): void {
  execFileSync('ssh-keygen', ['-q', '-h', '-s', `${directory}/host_ca`, '-I', 'web host', '-z', '77', ...flags, `${directory}/host_ed25519.pub`]);
}

/** Runs the command in a folder of its own; gives what it printed and its exit code. */
async function run(argv: readonly string[], io: Partial<Io> = {}): Promise<{ out: string; note: string; code: unknown }> {
  const out: string[] = [];
  const note: string[] = [];
  const standIn: Io = {
    clock: systemClock, cwd: plain.directory, env: {}, interactive: false, terminal: new Terminal(), colour: false, columns: undefined,
    interrupted: new AbortController().signal, out: (line) => void out.push(line), note: (line) => void note.push(line), ...io,
  };
  await runProgram(standIn, ['scan', ...argv], [scanCommand]);
  return { out: out.join('\n'), note: note.join('\n'), code: process.exitCode };
}

describe('ensign scan', () => {
  it('shows everything about a certificate, and says that nobody vouched for the authority', async () => {
    const { out, code } = await run([`127.0.0.1:${sshd.port}`]);
    const lines = out.split('\n').map((line) => line.trim().replace(/ +/g, ' '));
    expect(lines[0]).toBe(`127.0.0.1:${sshd.port} authority not checked`);
    expect(lines.slice(1, 5)).toEqual([
      `key ${fingerprint(sshd.hostKey())} (ssh-ed25519)`,
      `authority ${fingerprint(sshd.publicKey('host_ca.pub'))}`,
      'names 127.0.0.1, web',
      'serial 77',
    ]);
    expect(lines[5]).toMatch(/^valid \d{4}-.*Z to \d{4}-.*Z \((29|30)d left\)$/);
    expect(lines.slice(6)).toEqual(['key id "web host"', expect.stringMatching(/^version SSH-2\.0-OpenSSH/)]);
    expect(code).toBe(0);
  });

  it('is content with the right authority, among several', async () => {
    const { out, code } = await run([`127.0.0.1:${sshd.port}`, '--authority', sshd.path('other_ca.pub'), sshd.path('host_ca.pub')]);
    expect(out).toMatch(/^\S+ {2}good$/m);
    expect(code).toBe(0);
  });

  it('takes the authority of the workspace that it runs in', async () => {
    const workspace = plain.path('workspace');
    mkdirSync(`${workspace}/ca`, { recursive: true });
    mkdirSync(`${workspace}/below`);
    writeFileSync(`${workspace}/ensign.yaml`, 'version: 1\n');
    copyFileSync(sshd.path('host_ca.pub'), `${workspace}/ca/host_ca.pub`);
    expect(await run([`127.0.0.1:${sshd.port}`], { cwd: `${workspace}/below` })).toMatchObject({ code: 0, out: expect.stringMatching(/^\S+ {2}good\n/) as string });
  });

  // attacks: a certificate for another name; an unlisted authority; host:port as a name
  it.each([
    ['another authority', () => [`127.0.0.1:${sshd.port}`, '--authority', sshd.path('other_ca.pub')], 'wire/unknown-authority'],
    ['another name', () => [`localhost:${sshd.port}`, '--authority', sshd.path('host_ca.pub')], 'wire/wrong-principal'],
    ['another name, authority not checked', () => [`localhost:${sshd.port}`], 'wire/wrong-principal'],
    ['no certificate, where one is expected', () => [`127.0.0.1:${plain.port}`, '--authority', sshd.path('host_ca.pub')], 'scan/no-certificate'],
  ] as const)('exits 4 for %s', async (_name, argv, reason) => {
    const { out, code } = await run([...argv(), '--json']);
    expect(JSON.parse(out)).toMatchObject({ hosts: [{ verdict: 'bad', reason: { code: reason } }] });
    expect(code).toBe(4);
  });

  it('exits 4 for a certificate that has run out, 0 for one without end', async () => {
    const original = readFileSync(sshd.path('host_ed25519-cert.pub'));
    certify(sshd.directory, ['-n', '127.0.0.1', '-V', '20200101:20200102']);
    expect(await run([`127.0.0.1:${sshd.port}`])).toMatchObject({ code: 4, out: expect.stringContaining('[wire/expired]') as string });
    certify(sshd.directory, ['-n', '127.0.0.1']);
    expect(await run([`127.0.0.1:${sshd.port}`])).toMatchObject({ code: 0, out: expect.stringContaining('always to forever (no end)') as string });
    writeFileSync(sshd.path('host_ed25519-cert.pub'), original);
  });

  it('exits 5 when hosts are merely not there, 4 when one is bad too, 0 for plain keys that nobody minds', async () => {
    const gone = await LocalSshd.start();
    await gone.stop();
    const dead = `127.0.0.1:${gone.port}`;
    const { out, code } = await run([dead, `127.0.0.1:${plain.port}`, '--json']);
    expect(JSON.parse(out)).toMatchObject({ authorities: null, hosts: [{ verdict: 'unreachable', reason: { code: 'ssh/refused' } }, { verdict: 'plain key', port: plain.port }] });
    expect(code).toBe(5);
    expect((await run([dead, `localhost:${sshd.port}`])).code).toBe(4);
    expect((await run([`127.0.0.1:${plain.port}`])).code).toBe(0);
  });

  it('exits 2 for what cannot be meant', async () => {
    expect((await run([])).code).toBe(2);
    expect(await run(['bad host'])).toMatchObject({ code: 2, note: expect.stringContaining('[scan/bad-target]') as string });
    expect((await run(['web', '--timeout', '10'])).note).toContain('[duration/invalid]');
    expect((await run(['web', '--authority', plain.path('host_ed25519')])).note).toContain('[ca/no-public-key]');
    expect((await run(['web', '--workspace', plain.directory])).note).toContain('[workspace/not-found]');
  });

  it('exits 130 when interrupted', async () => {
    const abort = new AbortController();
    abort.abort();
    expect((await run([`127.0.0.1:${plain.port}`], { interrupted: abort.signal })).code).toBe(130);
  });
});

describe('parseScanTarget', () => {
  it.each([
    ['web', 'web', 22],
    ['web:2222', 'web', 2222],
    ['192.0.2.7:65535', '192.0.2.7', 65_535],
    ['2001:db8::1', '2001:db8::1', 22],
    ['[2001:db8::1]', '2001:db8::1', 22],
    ['[2001:db8::1]:2222', '2001:db8::1', 2222],
    ['::1', '::1', 22],
  ] as const)('%s', (text, name, port) => expect(parseScanTarget(text)).toEqual({ text, name, address: name, port, jump: [] }));

  it.each(['', ':22', 'web:', 'web:0', 'web:65536', 'web:022', 'web:-1', 'web:ssh', 'web:22:22', '[web]:22', '[::1', '::1]', '[::1]22', '[]', 'a b', 'a\nb', '\u202eweb', 'user@web', 'a,b', '-oProxyCommand=x', 'a/b', `'web'`])('refuses %j', (text) => {
    expect(() => parseScanTarget(text)).toThrow(expect.objectContaining({ code: 'scan/bad-target' }));
  });
});
