import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inventoryCommand } from '../../../src/cli/inventory.ts';
import { runCommand, type Ran } from '../../support/run-command.ts';

const TEXT = `version: 1
environment: staging
defaults: { user: ops, become: sudo, connectTimeout: 90s }
groups:
  web:
    hosts:
      web-[01:02].example:
      cache.example: { address: 10.0.0.9, port: 2222, identityFile: ~/key }
    logins: { root: [sre], deploy: [sre, web] }
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-inventory-'));
  writeFileSync(join(folder, 'inv.yaml'), TEXT);
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(...argv: string[]): Promise<Ran> {
  return runCommand(inventoryCommand, ['inventory', ...argv], { cwd: folder, env: { HOME: '/home/me' } });
}

describe('ensign inventory', () => {
  it('shows a line for every host', async () => {
    const { out, note, code } = await run('-i', 'inv.yaml');
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['HOST', 'ADDRESS', 'PORT', 'USER', 'BECOME', 'FIRST CONTACT', 'NAMES', 'GROUPS', 'LOGINS'],
      ['web-01.example', '-', '22', 'ops', 'sudo', 'known-hosts', 'web-01', 'web', 'root=sre deploy=sre,web'],
      ['web-02.example', '-', '22', 'ops', 'sudo', 'known-hosts', 'web-02', 'web', 'root=sre deploy=sre,web'],
      ['cache.example', '10.0.0.9', '2222', 'ops', 'sudo', 'known-hosts', '10.0.0.9,cache', 'web', 'root=sre deploy=sre,web'],
    ]);
    expect([note, code]).toEqual(['3 hosts in environment staging', 0]);
  });

  it('shows the chosen hosts, and how many there are', async () => {
    const { out, note } = await run('-i', 'inv.yaml', '--limit', 'web-*');
    expect(out.split('\n')).toHaveLength(3);
    expect(note).toBe('2 hosts of 3 in environment staging');
  });

  it('shows jump hosts, groups within groups, transports, profiles and limits where there are any', async () => {
    writeFileSync(join(folder, 'deep.yaml'), `version: 1
environment: staging
groups:
  db: { groups: [inside], concurrency: 1, become: doas, hosts: { db.example: } }
  inside: { jump: ["ops@[2001:db8::1]:2022", gate], concurrency: 8, profile: short }
hosts: { gate.example: { port: 2200, user: me, transport: openssh } }
`);
    const { out, note } = await run('-i', 'deep.yaml');
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['HOST', 'ADDRESS', 'PORT', 'USER', 'BECOME', 'JUMP', 'TRANSPORT', 'FIRST CONTACT', 'PROFILE', 'NAMES', 'GROUPS', 'LOGINS'],
      ['db.example', '-', '22', '-', 'doas', 'ops@[2001:db8::1]:2022 > me@gate.example:2200', 'node-ssh', 'known-hosts', 'short', 'db', 'db,inside', '-'],
      ['gate.example', '-', '2200', 'me', 'none', '-', 'openssh', 'known-hosts', 'host', 'gate', '-', '-'],
    ]);
    expect(note).toBe('2 hosts in environment staging; at once at most 1 of db, 8 of inside');
    const json = JSON.parse((await run('-i', 'deep.yaml', '--json')).out) as { hosts: { jump: unknown[] }[] };
    expect(json).toMatchObject({ concurrency: { db: 1, inside: 8 }, hosts: [{ groups: ['db', 'inside'], profile: 'short', become: 'doas' }, { transport: 'openssh' }] });
    expect(json.hosts[0]?.jump).toEqual([
      { name: '2001:db8::1', address: '2001:db8::1', port: 2022, user: 'ops', agent: true, firstContact: 'known-hosts' },
      { name: 'gate.example', address: 'gate.example', port: 2200, user: 'me', agent: true, firstContact: 'known-hosts' },
    ]);
  });

  it('gives everything as JSON, and nothing else on stdout', async () => {
    const { out, code } = await run('-i', 'inv.yaml', '-l', 'cache', '--json');
    expect(JSON.parse(out)).toEqual({
      file: 'inv.yaml',
      environment: 'staging',
      concurrency: {},
      hosts: [
        {
          id: 'staging/cache.example', name: 'cache.example', address: '10.0.0.9', names: ['cache.example', '10.0.0.9'], environment: 'staging', port: 2222, user: 'ops',
          identityFile: '/home/me/key', agent: true, become: 'sudo', firstContact: 'known-hosts', logins: { root: ['sre'], deploy: ['sre', 'web'] }, groups: ['web'],
          connectTimeout: '1m30s', at: { file: 'inv.yaml', line: 8, column: 7 }, shortName: 'cache', jump: [], transport: 'node-ssh', profile: 'host',
        },
      ],
    });
    expect(code).toBe(0);
  });

  it('prints every mistake with its place, the sum at the end, and ends with 2', async () => {
    writeFileSync(join(folder, 'bad.yaml'), TEXT.replace('port: 2222', 'prot: 2222').replace('[sre]', '[-sre]'));
    const { out, note, code } = await run('-i', 'bad.yaml');
    expect(note.split('\n').filter((line) => line.startsWith('error'))).toEqual([
      'error bad.yaml:8:43: "prot" has no meaning here [inventory/unknown-key]',
      expect.stringMatching(/^error bad\.yaml:9:22: "-sre" starts with a dash.* \[inventory\/bad-principal\]$/),
      'error 2 mistakes in bad.yaml [inventory/invalid]',
    ]);
    expect([out, code]).toEqual(['', 2]);
  });

  it('gives the mistakes as one JSON object on stderr', async () => {
    writeFileSync(join(folder, 'bad.yaml'), TEXT.replace('port: 2222', 'prot: 2222').replace('[sre]', '[-sre]'));
    const { note } = await run('-i', 'bad.yaml', '--json');
    expect(JSON.parse(note)).toMatchObject({
      error: { code: 'inventory/invalid', exit: 2, details: [{ code: 'inventory/unknown-key', at: { file: 'bad.yaml', line: 8, column: 43 } }, { code: 'inventory/bad-principal' }] },
    });
  });

  it.each<[what: string, argv: string[], message: string]>([
    ['a file that is not there', ['-i', 'gone.yaml'], '[inventory/unreadable]'],
    ['a folder', ['-i', '.'], '[inventory/unreadable]'],
    ['bytes that are no text', ['-i', 'binary'], '[inventory/not-text]'],
    ['a host that is not there', ['-i', 'inv.yaml', '-l', 'wbe-01'], '[inventory/no-such-host]'],
    ['no file at all', [], 'required option'],
    ['a flag without a value', ['-i'], 'argument missing'],
    ['an unknown flag', ['-i', 'inv.yaml', '--limt', 'x'], 'unknown option'],
    ['an argument too many', ['-i', 'inv.yaml', 'more'], 'too many arguments'],
  ])('refuses %s with exit code 2', async (_what, argv, message) => {
    writeFileSync(join(folder, 'binary'), Buffer.from([0xff, 0xfe, 0x00]));
    mkdirSync(join(folder, 'dir'));
    const { out, note, code } = await run(...argv);
    expect(note).toContain(message);
    expect([out, code]).toEqual(['', 2]);
  });
});
