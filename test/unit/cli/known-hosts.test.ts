import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { Secret } from '../../../src/base/secret.ts';
import { createCa } from '../../../src/ca/create.ts';
import { knownHostsCommand } from '../../../src/cli/known-hosts.ts';
import { formatPublicKeyLine, type PublicKey } from '../../../src/wire/public-key.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';
import { runCommand, type Ran } from '../../support/run-command.ts';

const PASSPHRASE = 'correct horse';

let root: string;
let home: string;
let authority: PublicKey;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ensign-known-hosts-'));
  writeFileSync(join(root, 'ensign.yaml'), 'version: 1\norganization: acme\n');
  const made = await createCa({ directory: join(root, 'ca'), organization: 'acme', clock: systemClock, keys: { from: 'new', type: 'ed25519', passphrase: new Secret(PASSPHRASE) } });
  authority = made.host.publicKey;
  writeFileSync(join(root, 'staging.yaml'), 'version: 1\nenvironment: staging\nhosts: { web.stg.example: { address: 10.0.0.1 }, db.stg.example: { port: 2222 } }\n');
  writeFileSync(join(root, 'production.yaml'), 'version: 1\nenvironment: production\nhosts: { web.example: }\n');
  mkdirSync(join(root, 'sub'));
});
afterAll(() => rmSync(root, { recursive: true }));

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ensign-home-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function run(...argv: string[]): Promise<Ran> {
  return runCommand(knownHostsCommand, ['known-hosts', ...argv], { cwd: root, env: { HOME: home } });
}

function lineFor(names: string): string {
  return `@cert-authority ${names} ${formatPublicKeyLine(authority)} ensign host authority (acme)`;
}

const STAGING = 'web.stg.example,10.0.0.1,web,[db.stg.example]:2222,[db]:2222';

describe('ensign known-hosts', () => {
  it('prints the lines of one inventory, and of several', async () => {
    expect(await run('-i', 'staging.yaml')).toEqual({ out: lineFor(STAGING), note: '', code: 0 });
    expect((await run('-i', 'staging.yaml', 'production.yaml')).out).toBe(lineFor(`${STAGING},web.example`));
    expect((await run('-i', 'staging.yaml', '-i', 'production.yaml')).out).toBe(lineFor(`${STAGING},web.example`));
  });

  it('finds the workspace above the folder, or the one that is named', async () => {
    const io = { cwd: join(root, 'sub'), env: { HOME: home } };
    expect((await runCommand(knownHostsCommand, ['known-hosts', '-i', '../staging.yaml'], io)).code).toBe(0);
    expect((await runCommand(knownHostsCommand, ['known-hosts', '-i', join(root, 'staging.yaml'), '-w', root], { cwd: '/', env: { HOME: home } })).code).toBe(0);
    expect(await runCommand(knownHostsCommand, ['known-hosts', '-i', join(root, 'staging.yaml')], { cwd: '/', env: { HOME: home } })).toMatchObject({ code: 2, out: '', note: expect.stringContaining('workspace/not-found') as string });
  });

  it('installs into ~/.ssh/known_hosts, and a second time changes nothing', async () => {
    const file = join(home, '.ssh', 'known_hosts');
    expect(await run('-i', 'staging.yaml', '--install')).toMatchObject({ out: expect.stringMatching(`^created ${file}: 5 names`) as string, code: 0 });
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(`\n${lineFor(STAGING)}\n`);
    expect((await run('-i', 'staging.yaml', '--install')).out).toMatch(/^unchanged /);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect((await run('-i', 'production.yaml', '--install')).out).toMatch(/^changed /);
    expect(readFileSync(file, 'utf8')).toContain(`\n${lineFor('web.example,web')}\n`);
    expect(readFileSync(file, 'utf8')).not.toContain('stg.example');
  });

  it('installs into the file that is named, as seen from the current folder', async () => {
    await run('-i', 'staging.yaml', '--install', 'laptop_known_hosts');
    expect(readFileSync(join(root, 'laptop_known_hosts'), 'utf8')).toContain(lineFor(STAGING));
  });

  it('tells everything as JSON', async () => {
    const file = join(home, 'kh');
    const { out } = await run('-i', 'production.yaml', '--install', file, '--json');
    expect(JSON.parse(out)).toEqual({ authority: expect.stringMatching(/^SHA256:/) as string, names: ['web.example', 'web'], lines: [lineFor('web.example,web')], file, outcome: 'created' });
    expect(JSON.parse((await run('-i', 'production.yaml', '--json')).out)).not.toHaveProperty('file');
  });

  it('warns where the file revokes the authority', async () => {
    const file = join(home, 'kh');
    writeFileSync(file, `@revoked * ${formatPublicKeyLine(authority)}\n`);
    expect(await run('-i', 'production.yaml', '--install', file)).toMatchObject({ code: 0, note: expect.stringContaining(`warning ${file}:1: `) as string });
  });

  it('refuses a damaged block and leaves the file as it is', async () => {
    const file = join(home, 'kh');
    writeFileSync(file, 'web x\n# BEGIN ensign\n');
    expect(await run('-i', 'staging.yaml', '--install', file)).toMatchObject({ code: 2, out: '', note: expect.stringContaining(`${file}:2: `) as string });
    expect(readFileSync(file, 'utf8')).toBe('web x\n# BEGIN ensign\n');
  });

  it('writes nothing when one of several inventories has a mistake', async () => {
    writeFileSync(join(root, 'bad.yaml'), 'version: 1\nenvironment: staging\nhosts: { "web:22": }\n');
    expect(await run('-i', 'staging.yaml', 'bad.yaml', '--install', join(home, 'kh'))).toMatchObject({ code: 2, out: '', note: expect.stringContaining('bad.yaml:3:10') as string });
    expect(() => readFileSync(join(home, 'kh'))).toThrow('ENOENT');
  });
});

describe('the stock ssh with nothing but the installed block', () => {
  let sshd: LocalSshd;

  beforeAll(async () => {
    sshd = await LocalSshd.start({
      config: ['HostCertificate %d/host_ed25519-cert.pub'],
      prepare: (directory) => {
        makeKey(`${directory}/login`, 'ed25519');
        execFileSync('ssh-keygen', ['-q', '-P', PASSPHRASE, '-s', join(root, 'ca', 'host_ca'), '-I', 'test', '-h', '-n', '127.0.0.1', `${directory}/host_ed25519.pub`]);
      },
    });
    sshd.authorize(readFileSync(sshd.path('login.pub'), 'utf8'));
  });
  afterAll(() => sshd.stop());

  async function logIn(hosts: string): Promise<number | null> {
    const file = join(home, 'kh');
    writeFileSync(join(home, 'inv.yaml'), `version: 1\nenvironment: test\nhosts: ${hosts}\n`);
    expect((await run('-i', join(home, 'inv.yaml'), '--install', file)).code).toBe(0);
    const options = ['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=yes', 'GlobalKnownHostsFile=/dev/null', `UserKnownHostsFile=${file}`];
    const argv = ['-F', 'none', '-i', sshd.path('login'), '-p', String(sshd.port), ...options.flatMap((o) => ['-o', o]), `${sshd.user}@127.0.0.1`, 'true'];
    return spawnSync('ssh', argv).status;
  }

  it('logs in to a host of the inventory, among many others, without a question', async () => {
    expect(await logIn(`{ "other-[001:100].example": , 127.0.0.1: { port: ${sshd.port} } }`)).toBe(0);
  });

  it('refuses a certified host that is not in the inventory: the authority counts for the listed names only', async () => {
    expect(await logIn(`{ "other-[001:100].example": { port: ${sshd.port} } }`)).toBe(255);
  });
});
