import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAgentSigner } from '../../../src/ca/agent-signer-adapter.ts';
import { createCa } from '../../../src/ca/create.ts';
import { openCa } from '../../../src/ca/open.ts';
import { DEFAULT_PROFILES } from '../../../src/ca/profile.ts';
import { parseCertificateLine } from '../../../src/wire/certificate.ts';
import { checkCertificate } from '../../../src/wire/check-certificate.ts';
import { parsePublicKeyLine, type PublicKey } from '../../../src/wire/public-key.ts';
import { verifySignature } from '../../../src/wire/signature.ts';
import { randomBytes } from 'node:crypto';
import { ed25519Key, NOW, TestClock, userRequest } from '../../support/test-ca.ts';

let folder: string;
let socket: string;
let agent: ChildProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-agent-'));
  socket = join(folder, 'agent');
  agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  // it prints where it listens once it does
  if (agent.stdout === null) throw new Error('no stdout');
  await once(agent.stdout, 'data');
});
afterAll(async () => {
  const ended = once(agent, 'exit');
  agent.kill();
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

function addKey(name: string, ...type: string[]): PublicKey {
  const file = join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', ...type, '-N', '', '-f', file]);
  execFileSync('ssh-add', ['-q', file], { env: { SSH_AUTH_SOCK: socket }, stdio: 'pipe' });
  rmSync(file);
  return parsePublicKeyLine(readFileSync(`${file}.pub`, 'utf8')).key;
}

describe('a real ssh-agent', () => {
  it.each([
    ['ed25519', ['ed25519']],
    ['ecdsa-256', ['ecdsa', '-b', '256']],
    ['ecdsa-384', ['ecdsa', '-b', '384']],
    ['rsa', ['rsa', '-b', '3072']],
  ])('signs with %s', async (name, type) => {
    const key = addKey(name, ...type);
    const signer = await openAgentSigner(socket, key);
    const data = new TextEncoder().encode('data');
    const signature = await signer.sign(data);
    // RSA with SHA-1 would not verify here
    expect(verifySignature(key, data, signature)).toBe(true);
  });

  it('holds the keys of a whole CA', async () => {
    const user = addKey('user_ca', 'ed25519');
    const host = addKey('host_ca', 'rsa', '-b', '3072');
    const directory = join(folder, 'ca');
    const clock = new TestClock();
    await createCa({ directory, organization: 'Acme', clock, keys: { from: 'agent', socket, user, host } });
    const ca = await openCa({ directory, profiles: DEFAULT_PROFILES, clock, random: randomBytes, agentSocket: socket });
    const { line } = await ca.issue(ca.lint(ca.prepare(userRequest())));
    await ca.close();
    expect(() => checkCertificate(parseCertificateLine(line).certificate, { type: 'user', authorities: [user], nowSeconds: NOW })).not.toThrow();
  });

  it('lacks a key that it was never given', async () => {
    await expect(openAgentSigner(socket, ed25519Key())).rejects.toMatchObject({ code: 'ca/agent-lacks-key' });
  });

  it('refuses to sign while it is locked', async () => {
    const key = addKey('locked', 'ed25519');
    const signer = await openAgentSigner(socket, key);
    execFileSync('ssh-add', ['-q', '-D'], { env: { SSH_AUTH_SOCK: socket }, stdio: 'pipe' });
    await expect(signer.sign(new Uint8Array(1))).rejects.toMatchObject({ code: 'ca/agent-refused' });
  });
});

describe('what is no agent', () => {
  async function fake(answer: (write: (bytes: Uint8Array) => void, end: () => void) => void): Promise<{ path: string; server: Server }> {
    const path = join(folder, `fake-${randomBytes(4).toString('hex')}`);
    const server = createServer((connection) => connection.once('data', () => answer((bytes) => connection.write(bytes), () => connection.end())));
    server.listen(path);
    await once(server, 'listening');
    return { path, server };
  }

  it.each([
    ['nothing at the socket', undefined],
    ['one that hangs up', (_write: (bytes: Uint8Array) => void, end: () => void) => end()],
    ['one that announces four gigabytes', (write: (bytes: Uint8Array) => void) => write(new Uint8Array([255, 255, 255, 255]))],
  ])('%s', async (_what, answer) => {
    if (answer === undefined) {
      await expect(openAgentSigner(join(folder, 'nobody'), ed25519Key())).rejects.toMatchObject({ code: 'ca/agent-unavailable' });
      return;
    }
    const { path, server } = await fake(answer);
    await expect(openAgentSigner(path, ed25519Key())).rejects.toMatchObject({ code: 'ca/agent-unavailable' });
    server.close();
  });

  it('no socket named at all', async () => {
    await expect(openAgentSigner(undefined, ed25519Key())).rejects.toMatchObject({ code: 'ca/agent-unavailable', hint: expect.stringContaining('ssh-agent') as unknown });
  });

  it('one that answers with half a message', async () => {
    const { path, server } = await fake((write) => write(new Uint8Array([0, 0, 0, 9, 12, 0, 0, 0, 5, 0, 0, 0, 9])));
    await expect(openAgentSigner(path, ed25519Key())).rejects.toMatchObject({ code: 'ca/agent-unavailable' });
    server.close();
  });
});
