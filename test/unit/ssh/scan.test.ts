import { createPrivateKey } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scanHostCertificate, type ScanOptions, type ScanResult } from '../../../src/ssh/scan.ts';
import { encodeCertificate, parseCertificateLine } from '../../../src/wire/certificate.ts';
import { checkCertificate } from '../../../src/wire/check-certificate.ts';
import { encodePublicKey, fingerprint, samePublicKey } from '../../../src/wire/public-key.ts';
import { signData } from '../../../src/wire/signature.ts';
import { fakeSshServer, listen, packet, type FakeServer } from '../../support/fake-ssh-server.ts';
import { LocalSshd, makeKey, type KeyType } from '../../support/local-sshd.ts';

const TYPES: readonly KeyType[] = ['ed25519', 'ecdsa', 'rsa'];
const CERTIFICATES = TYPES.map((type) => `HostCertificate %d/host_${type}-cert.pub`);

let sshd: LocalSshd;

beforeAll(async () => {
  sshd = await LocalSshd.start({ hostKeys: TYPES, config: CERTIFICATES, prepare: certify });
});
afterAll(() => sshd.stop());

function certify(directory: string): void {
  makeKey(`${directory}/host_ca`, 'ed25519');
  for (const type of TYPES) {
    execFileSync('ssh-keygen', ['-q', '-h', '-s', `${directory}/host_ca`, '-I', type, '-n', 'web-01.example.com', '-z', '77', '-V', '+1h', `${directory}/host_${type}.pub`]);
  }
}

function scan(port: number, options: Partial<ScanOptions> = {}): Promise<ScanResult> {
  return scanHostCertificate({ address: '127.0.0.1', port, ...options });
}

describe('scanHostCertificate against a real sshd', () => {
  it.each([
    ['ssh-ed25519-cert-v01@openssh.com', 'ed25519'],
    ['ecdsa-sha2-nistp256-cert-v01@openssh.com', 'ecdsa'],
    ['rsa-sha2-512-cert-v01@openssh.com', 'rsa'],
    ['rsa-sha2-256-cert-v01@openssh.com', 'rsa'],
  ] as const)('%s', async (algorithm, type) => {
    const result = await scan(sshd.port, { algorithms: [algorithm] });
    expect(result).toMatchObject({ hostKeyAlgorithm: algorithm, certificate: { keyId: type, serial: 77n, type: 'host' } });
    expect(result.version).toMatch(/^SSH-2\.0-OpenSSH_/);
    expect(samePublicKey(result.hostKey, sshd.hostKey(type))).toBe(true);
    if (result.certificate === undefined) throw new Error('no certificate');
    checkCertificate(result.certificate, { type: 'host', authorities: [sshd.publicKey('host_ca.pub')], principal: 'web-01.example.com', nowSeconds: Date.now() / 1000 });
  });

  it.each([['ssh-ed25519', 'ed25519'], ['ecdsa-sha2-nistp256', 'ecdsa'], ['rsa-sha2-512', 'rsa'], ['rsa-sha2-256', 'rsa']] as const)('plain %s', async (algorithm, type) => {
    const result = await scan(sshd.port, { algorithms: [algorithm] });
    expect(result.certificate).toBeUndefined();
    expect(fingerprint(result.hostKey)).toBe(fingerprint(sshd.hostKey(type)));
  });

  it('asks for certificates first, and takes a key where there is none', async () => {
    expect((await scan(sshd.port)).certificate?.keyId).toBe('ed25519');
    expect((await scan(sshd.port, { algorithms: [] })).certificate?.keyId).toBe('ed25519');
    const plain = await LocalSshd.start({ hostKeys: ['rsa'] });
    const result = await scan(plain.port);
    expect([result.hostKeyAlgorithm, result.certificate]).toEqual(['rsa-sha2-512', undefined]);
    await expect(scan(plain.port, { algorithms: ['rsa-sha2-512-cert-v01@openssh.com'] })).rejects.toMatchObject({ code: 'ssh/no-common-algorithm', exit: 4 });
    await plain.stop();
  });

  it.each(['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384', 'ecdh-sha2-nistp521', 'diffie-hellman-group14-sha256', 'diffie-hellman-group16-sha512'])('key exchange %s', async (method) => {
    const only = await LocalSshd.start({ config: [`KexAlgorithms ${method}`] });
    // several times: a leading zero in a number shows up in one of two hundred
    for (let i = 0; i < 5; i++) expect(samePublicKey((await scan(only.port)).hostKey, only.hostKey())).toBe(true);
    await only.stop();
  });

  it('leaves with a goodbye, and opens one connection only', async () => {
    await sshd.logged(() => scan(sshd.port), /Received disconnect from 127\.0\.0\.1 port \d+:11: scan done/);
  });
});

// attacks: man in the middle at first contact; a host shows what it does not hold
describe('scanHostCertificate believes nobody', () => {
  let honest: FakeServer;
  beforeAll(() => {
    const key = sshd.publicKey('host_ed25519.pub');
    honest = { hostKeyAlgorithms: ['ssh-ed25519'], hostKeyBlob: encodePublicKey(key), sign: (hash) => signData(key, privateKey('host_ed25519'), hash) };
  });

  async function against(fake: FakeServer, options: Partial<ScanOptions> = {}): Promise<ScanResult> {
    const server = await listen(fakeSshServer(fake));
    try {
      return await scan(server.port, options);
    } finally {
      await server.stop();
    }
  }

  it('takes the honest one, with talk before and between', async () => {
    const before = [Uint8Array.of(2, 0, 0, 0, 0), Uint8Array.of(4, 1, 0, 0, 0, 0, 0, 0, 0, 0)];
    expect((await against({ ...honest, before, banner: 'hello\r\nworld\n' })).hostKey.kind).toBe('ed25519');
    expect((await against({ ...honest, guess: Uint8Array.of(30, 1, 2, 3) })).hostKey.kind).toBe('ed25519');
  });

  it('a certificate of another host, signed for with the own key', async () => {
    const { certificate } = parseCertificateLine(readFileSync(sshd.path('host_ed25519-cert.pub'), 'utf8'));
    const own = sshd.publicKey('host_ca.pub');
    const thief = {
      hostKeyAlgorithms: ['ssh-ed25519-cert-v01@openssh.com'],
      hostKeyBlob: encodeCertificate(certificate, certificate.signature),
      sign: (hash: Uint8Array) => signData(own, privateKey('host_ca'), hash),
    };
    await expect(against(thief)).rejects.toMatchObject({ code: 'ssh/bad-exchange-signature', exit: 4 });
    expect((await against({ ...thief, sign: honest.sign })).certificate?.serial).toBe(77n);
  });

  it('a signature over something else, an empty one, and one of another algorithm', async () => {
    await expect(against({ ...honest, sign: (hash) => honest.sign(hash.map((b) => b ^ 1)) })).rejects.toMatchObject({ code: 'ssh/bad-exchange-signature' });
    await expect(against({ ...honest, sign: () => new Uint8Array(0) })).rejects.toMatchObject({ code: 'ssh/protocol' });
    const rsa = sshd.publicKey('host_rsa.pub');
    const rsaServer = { hostKeyAlgorithms: ['rsa-sha2-512'], hostKeyBlob: encodePublicKey(rsa), sign: (hash: Uint8Array) => signData(rsa, privateKey('host_rsa'), hash, 'rsa-sha2-256') };
    await expect(against(rsaServer)).rejects.toMatchObject({ code: 'ssh/bad-exchange-signature' });
    await expect(against({ ...honest, hostKeyAlgorithms: ['ecdsa-sha2-nistp256'] })).rejects.toMatchObject({ code: 'ssh/bad-exchange-signature' });
  });

  it('shares that make the secret known: zero, of low order, of a wrong length', async () => {
    for (const share of [new Uint8Array(32), Uint8Array.of(1, ...new Array<number>(31).fill(0)), new Uint8Array(31), new Uint8Array(0)]) {
      await expect(against({ ...honest, share })).rejects.toMatchObject({ code: 'ssh/protocol' });
    }
  });
});

describe('scanHostCertificate survives what is no SSH server', () => {
  const cases: readonly (readonly [string, string | Uint8Array, string])[] = [
    ['no word', '', 'ssh/dropped'],
    ['half a greeting', 'SSH-2.0-x', 'ssh/dropped'],
    ['an old version', 'SSH-1.5-x\r\n', 'ssh/protocol'],
    ['control characters in the version', 'SSH-2.0-\x1b[31m\r\n', 'ssh/protocol'],
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'ssh/dropped'],
    ['talk without end', 'blah\r\n'.repeat(20_000), 'ssh/protocol'],
    ['a line without end', 'x'.repeat(100_000), 'ssh/protocol'],
    ['MaxStartups', 'Exceeded MaxStartups\r\n', 'ssh/dropped'],
    ['PerSourcePenalties', 'Not allowed at this time\r\n', 'ssh/penalized'],
    ['a huge packet', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0xff, 0xff, 0xff, 0xff, 4])]), 'ssh/protocol'],
    ['an empty packet', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0, 0, 0, 0, 0])]), 'ssh/protocol'],
    ['padding only', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0, 0, 0, 5, 4, 0, 0, 0, 0])]), 'ssh/protocol'],
    ['a disconnect', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), packet(Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0, 2, 0x6e, 0x6f, 0, 0, 0, 0))]), 'ssh/protocol'],
    ['a short key exchange message', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), packet(Uint8Array.of(20, 1, 2))]), 'ssh/protocol'],
    ['another message', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), packet(Uint8Array.of(50))]), 'ssh/protocol'],
  ];
  it.each(cases)('%s', async (_name, data, code) => {
    const server = await listen((socket) => socket.resume().end(data));
    await expect(scan(server.port)).rejects.toMatchObject({ code });
    await server.stop();
  });

  it('a host that gives its reason and then resets the connection is heard', async () => {
    // both in one turn, as when they wait in the kernel together
    const connection = new Duplex({
      read: () => undefined,
      write() {
        this.push('Not allowed at this time\r\n');
        this.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
      },
    });
    await expect(scanHostCertificate({ address: '127.0.0.1', port: 22, dial: () => Promise.resolve(connection) })).rejects.toMatchObject({ code: 'ssh/penalized' });
  });

  it('an early reset, a silent one, nobody at all', async () => {
    const reset = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await expect(scan(reset.port)).rejects.toMatchObject({ code: 'ssh/dropped', exit: 5 });
    await reset.stop();
    await expect(scan(reset.port)).rejects.toMatchObject({ code: 'ssh/refused', exit: 5 });
    const silent = await listen((socket) => socket.resume());
    await expect(scan(silent.port, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'ssh/timeout', exit: 5 });
    await silent.stop();
    await expect(scanHostCertificate({ address: 'no-such-host.invalid', port: 22 })).rejects.toMatchObject({ code: 'ssh/unreachable', exit: 5 });
  });

  it('a server that trickles without end is left at the deadline', async () => {
    const server = await listen((socket) => {
      const drip = setInterval(() => socket.write('blah\r\n'), 5);
      socket.resume().on('close', () => clearInterval(drip));
    });
    await expect(scan(server.port, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'ssh/timeout' });
    await server.stop();
  });

  it('every byte of an honest exchange turned over is refused or without effect, and never a crash', async () => {
    const recorded = await record();
    const codes = new Set<string>();
    for (let at = 0; at < recorded.length; at += 7) {
      const broken = Buffer.from(recorded);
      broken[at] = (broken[at] ?? 0) ^ 0x81;
      const server = await listen((socket) => socket.resume().end(broken));
      // a replayed answer never fits the fresh share that we send
      const error: unknown = await scan(server.port, { timeoutMs: 5_000 }).catch((e: unknown) => e);
      codes.add((error as { code?: string }).code ?? `none: ${String(error)}`);
      await server.stop();
    }
    const known = ['ssh/bad-exchange-signature', 'ssh/dropped', 'ssh/no-common-algorithm', 'ssh/protocol'];
    expect([...codes].filter((code) => !known.includes(code))).toEqual([]);
    expect(codes).toContain('ssh/bad-exchange-signature');
  });

  /** Everything that a real sshd sends during one scan. */
  async function record(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    const { connect } = await import('node:net');
    const proxy = await listen((near) => {
      const far = connect(sshd.port, '127.0.0.1');
      far.on('data', (chunk) => chunks.push(chunk)).on('error', () => undefined);
      near.pipe(far).pipe(near);
    });
    await scan(proxy.port);
    await proxy.stop();
    return Buffer.concat(chunks);
  }
});

function privateKey(name: string): ReturnType<typeof createPrivateKey> {
  const key = ssh2.utils.parseKey(readFileSync(sshd.path(name)));
  if (key instanceof Error) throw key;
  return createPrivateKey(key.getPrivatePEM());
}
