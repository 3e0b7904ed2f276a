import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scanCommand } from '../../../src/cli/scan.ts';
import { fingerprint, formatPublicKeyLine } from '../../../src/wire/public-key.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';
import { runCommand, type Ran } from '../../support/run-command.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

let bastion: LocalSshd;
let host: LocalSshd;
let way: TcpProxy;
let home: string;

beforeAll(async () => {
  bastion = await LocalSshd.start({ prepare: (directory) => makeKey(`${directory}/key`, 'ed25519') });
  bastion.authorize(readFileSync(bastion.path('key.pub'), 'utf8'));
  host = await LocalSshd.start();
  way = await TcpProxy.start(bastion.port);
  home = bastion.path('home');
  mkdirSync(`${home}/.ssh`, { recursive: true });
});
afterAll(async () => {
  await way.stop();
  await Promise.all([bastion.stop(), host.stop()]);
});

function knows(key: LocalSshd): void {
  writeFileSync(`${home}/.ssh/known_hosts`, `[127.0.0.1]:${way.port} ${formatPublicKeyLine(key.hostKey())}\n`);
}

function scan(...args: readonly string[]): Promise<Ran> {
  return runCommand(scanCommand, ['scan', ...args, '--json', '--identity', bastion.path('key')], { cwd: home, env: { HOME: home } });
}

function jump(): string {
  return `${bastion.user}@127.0.0.1:${way.port}`;
}

describe('ensign scan through a jump host', () => {
  it('logs in there once, for all hosts', async () => {
    knows(bastion);
    const before = way.connections;
    const { out, note, code } = await scan('-J', jump(), `127.0.0.1:${host.port}`, `127.0.0.1:${bastion.port}`);
    expect(note).toBe('');
    expect((JSON.parse(out) as { hosts: unknown[] }).hosts).toMatchObject([{ verdict: 'plain key', key: { fingerprint: fingerprint(host.hostKey()) } }, { verdict: 'plain key', key: { fingerprint: fingerprint(bastion.hostKey()) } }]);
    expect(code).toBe(0);
    expect(way.connections - before).toBe(1);
  });

  it('whose key is another one scans nothing', async () => {
    knows(host);
    const { out, code } = await scan('-J', jump(), `127.0.0.1:${host.port}`);
    expect((JSON.parse(out) as { hosts: unknown[] }).hosts).toMatchObject([{ verdict: 'bad', reason: { code: 'ssh/host-key-changed', message: expect.stringMatching(/^jump host 127\.0\.0\.1: /) as string } }]);
    expect(code).toBe(4);
  });

  it('that is new is accepted nowhere that it could not be written down', async () => {
    writeFileSync(`${home}/.ssh/known_hosts`, '');
    writeFileSync(`${home}/inv.yaml`, inventory(`{ address: 127.0.0.1, port: ${way.port}, user: ${bastion.user}, firstContact: accept-new }`));
    const { out, note } = await scan('-i', 'inv.yaml');
    expect(note).toBe('');
    expect((JSON.parse(out) as { hosts: unknown[] }).hosts).toMatchObject([{ verdict: 'bad', reason: { code: 'ssh/host-key-unknown' } }]);
  });

  it('as the inventory says, or straight all the same', async () => {
    writeFileSync(`${home}/inv.yaml`, inventory(`{ address: 127.0.0.1, port: ${way.port}, user: ${bastion.user}, hostKey: "${fingerprint(bastion.hostKey())}" }`));
    const before = way.connections;
    expect(await scan('-i', 'inv.yaml', '--limit', 'web*')).toMatchObject({ code: 0, out: expect.stringContaining('"host": "web.example"') as string });
    expect(way.connections - before).toBe(1);
    expect(await scan('-i', 'inv.yaml', '-J', 'none')).toMatchObject({ code: 0 });
    expect(way.connections - before).toBe(1);
  });

  it.each([
    [['-i', 'inv.yaml', 'web'], 'scan/two-kinds'],
    [['--limit', 'web', 'web'], 'scan/two-kinds'],
    [[], 'scan/no-target'],
    [['web', '-J', 'a,,b'], 'inventory/empty'],
  ])('%j is refused', async (args, reason) => {
    expect(await scan(...args)).toMatchObject({ code: 2, out: '', note: expect.stringContaining(reason.startsWith('inventory') ? '"inventory/' : `"${reason}"`) as string });
  });
});

function inventory(entry: string): string {
  return `version: 1\nenvironment: staging\nhosts:\n  web.example: { address: localhost, port: ${host.port}, jump: ${entry} }\n`;
}
