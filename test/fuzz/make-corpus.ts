// Writes corpus/ next to this file, all of it by the installed OpenSSH: `npx tsx test/fuzz/make-corpus.ts`. Every run makes
// new keys. With `--tree PATH` it adds only what the sshd of another system's tree says: `sshd -T` of another generation.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kexInit, startExchange } from '../../src/ssh/key-exchange.ts';
import { PlainTransport } from '../../src/ssh/plain-transport.ts';
import { WireReader } from '../../src/wire/reader.ts';
import { WireWriter } from '../../src/wire/writer.ts';
import { LocalSshd } from '../support/local-sshd.ts';
import { AUTHORITIES, KeyFolder, SUBJECTS } from '../vectors/ssh-keygen.ts';

const FOLDER = join(import.meta.dirname, 'corpus');

async function main(): Promise<void> {
  const tree = process.argv[process.argv.indexOf('--tree') + 1];
  if (process.argv.includes('--tree') && tree !== undefined) {
    otherGeneration(tree);
    return;
  }
  const keys = new KeyFolder();
  try {
    certificates(keys);
    for (const subject of SUBJECTS) put('public-key', `${subject}.pub`, `${keys.subject(subject)}\n`);
    privateKeys(keys.path);
    knownHosts(keys);
    effective();
    await agentAnswers(keys);
    await sshdStreams();
  } finally {
    keys.close();
  }
}

function certificates(keys: KeyFolder): void {
  const options = ['force-command=echo "a b"', 'source-address=10.0.0.0/8,2001:db8::/32', 'no-touch-required', 'extension:login@example.com=zoe'];
  for (const subject of SUBJECTS) put('certificate', `user-${subject}-cert.pub`, `${keys.sign('ed25519', subject, { principals: ['deploy', 'staging/sre'], options })}\n`);
  for (const authority of AUTHORITIES.slice(1)) put('certificate', `by-${authority}-cert.pub`, `${keys.sign(authority, 'ed25519', { host: true, principals: ['web-01.example.com', '10.0.0.9', '2001:db8::1'] })}\n`);
  put('certificate', 'by-rsa-256-cert.pub', `${keys.sign('rsa', 'ed25519', { algorithm: 'rsa-sha2-256', principals: ['root'] })}\n`);
  put('certificate', 'for-ever-cert.pub', `${keys.sign('ed25519', 'ecdsa-256', { validity: 'always:forever', serial: '18446744073709551615', principals: ['root'], options: ['clear'] })}\n`);
}

function privateKeys(folder: string): void {
  const make = (name: string, ...args: string[]): void => {
    const file = join(folder, `private-${name}`);
    execFileSync('ssh-keygen', ['-q', '-C', 'fuzz', '-f', file, ...args]);
    put('private-key', name, readFileSync(file, 'utf8'));
  };
  for (const [name, ...type] of [['ed25519', '-t', 'ed25519'], ['ecdsa', '-t', 'ecdsa', '-b', '256'], ['ecdsa-521', '-t', 'ecdsa', '-b', '521'], ['rsa', '-t', 'rsa', '-b', '2048']] as const) {
    make(name, ...type, '-N', '');
    // one round, or a run would consist of deriving keys
    if (name === 'ed25519' || name === 'rsa') make(`${name}-encrypted`, ...type, '-N', 'fuzzing', '-a', '1');
    if (name !== 'ed25519') make(`${name}-pem`, ...type, '-N', '', '-m', 'PEM');
    if (name !== 'ed25519') make(`${name}-pkcs8`, ...type, '-N', '', '-m', 'PKCS8');
  }
  make('ecdsa-pem-encrypted', '-t', 'ecdsa', '-N', 'fuzzing', '-m', 'PEM');
}

function knownHosts(keys: KeyFolder): void {
  const [ed, ec, rsa, sk] = (['ed25519', 'ecdsa-256', 'rsa', 'sk-ed25519'] as const).map((name) => keys.subject(name).split(' ').slice(0, 2).join(' '));
  const lines = [
    `web ${ed ?? ''}`, `web,db,10.0.0.9 ${ec ?? ''} a comment`, `[web]:2222 ${ed ?? ''}`, `*.example.com,!bad.example.com ${ed ?? ''}`, `web-0? ${ed ?? ''}`,
    `[*]:2222 ${ed ?? ''}`, `2001:db8::1 ${ed ?? ''}`, `Upper.Example.COM ${sk ?? ''}`, `@cert-authority *.example.com ${ed ?? ''}`, `@revoked * ${rsa ?? ''}`,
  ];
  put('known_hosts', 'names.txt', `# a comment\n\n${lines.join('\n')}\n`);
  const file = join(keys.path, 'known_hosts');
  writeFileSync(file, `${lines.slice(0, 3).join('\n')}\n`);
  execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
  put('known_hosts', 'hashed.txt', readFileSync(file, 'utf8'));
  put('known_hosts', 'crlf.txt', lines.slice(0, 4).join('\r\n'));
}

function effective(): void {
  const folder = mkdtempSync(join(tmpdir(), 'ensign-corpus-'));
  try {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    const { stdout } = spawnSync('/usr/sbin/sshd', ['-T', '-f', '/dev/null', '-h', join(folder, 'key')], { encoding: 'utf8' });
    put('sshd-T', `${version(['/usr/sbin/sshd'])}.txt`, stdout.replaceAll(folder, '/etc/ssh'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The tree is not written to: the host key is mounted over its /mnt, for this process only. */
function otherGeneration(tree: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'ensign-corpus-'));
  try {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    const script = 'mount --bind "$1" "$2/mnt" && mount -t tmpfs none "$2/run" && mkdir "$2/run/sshd" && chroot "$2" /usr/sbin/sshd -T -f /dev/null -h /mnt/key';
    const stdout = execFileSync('unshare', ['-m', 'sh', '-c', script, 'sh', folder, tree], { encoding: 'utf8' });
    put('sshd-T', `${version(['chroot', tree, '/usr/sbin/sshd'])}.txt`, stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function agentAnswers(keys: KeyFolder): Promise<void> {
  const socket = join(keys.path, 'agent');
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(execFileSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8' }))?.[1]);
  try {
    const list = new WireWriter().byte(11).finish();
    put('agent', 'no-keys.bin', await ask(socket, list));
    keys.sign('ed25519', 'rsa');
    execFileSync('ssh-add', ['-q', join(keys.path, 'subject-ed25519'), join(keys.path, 'subject-rsa')], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
    put('agent', 'keys-and-certificate.bin', await ask(socket, list));
    const key = Buffer.from(keys.subject('ed25519').split(' ')[1] ?? '', 'base64');
    put('agent', 'signature.bin', await ask(socket, new WireWriter().byte(13).string(key).string('data').uint32(0).finish()));
    put('agent', 'refusal.bin', await ask(socket, new WireWriter().byte(13).string('nothing').string('data').uint32(0).finish()));
  } finally {
    process.kill(pid);
  }
}

/** The answer without its length. */
function ask(path: string, message: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on('error', reject).on('data', (chunk) => {
      resolve(chunk.subarray(4));
      socket.destroy();
    });
    socket.write(new WireWriter().string(message).finish());
  });
}

/** Whatever sshd sends up to the end of the key exchange, for each method and for plain keys and certificates. */
async function sshdStreams(): Promise<void> {
  const sshd = await LocalSshd.start({
    hostKeys: ['ed25519', 'rsa'],
    config: ['HostCertificate %d/host_ed25519-cert.pub'],
    prepare(directory) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'ca')]);
      execFileSync('ssh-keygen', ['-q', '-s', join(directory, 'ca'), '-I', 'test', '-h', '-n', 'web', join(directory, 'host_ed25519.pub')]);
    },
  });
  try {
    const kinds = [['curve25519-sha256', 'ssh-ed25519-cert-v01@openssh.com'], ['ecdh-sha2-nistp256', 'ssh-ed25519'], ['diffie-hellman-group14-sha256', 'rsa-sha2-512']] as const;
    for (const [method, algorithm] of kinds) put('transport', `${method}-${algorithm.replace(/@.*/, '')}.bin`, await record(sshd.port, method, algorithm));
  } finally {
    await sshd.stop();
  }
}

async function record(port: number, method: Parameters<typeof startExchange>[0], algorithm: string): Promise<Uint8Array> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  // two listeners would share the stream: what the transport reads is what is kept
  const push = socket.push.bind(socket);
  socket.push = (chunk: Buffer | null) => {
    if (chunk !== null) chunks.push(Buffer.from(chunk));
    return push(chunk);
  };
  const transport = new PlainTransport(socket, 'sshd');
  const ourInit = withOnly(method, kexInit([algorithm]));
  transport.greet('SSH-2.0-corpus');
  transport.send(ourInit);
  const theirVersion = await transport.version();
  const theirInit = await transport.packet();
  transport.send(startExchange(method, { ourVersion: 'SSH-2.0-corpus', theirVersion, ourInit, theirInit }).request);
  await transport.packet();
  socket.destroy();
  return Buffer.concat(chunks);
}

/** Our SSH_MSG_KEXINIT with one method in the place of all. */
function withOnly(method: string, init: Uint8Array): Uint8Array {
  const reader = new WireReader(init);
  const head = reader.bytes(17);
  reader.string();
  return new WireWriter(1024).bytes(head).string(method).bytes(reader.bytes(reader.remaining)).finish();
}

function version(words: readonly string[]): string {
  const [file = '', ...args] = words;
  return /OpenSSH_(\d+\.\d+)/.exec(spawnSync(file, [...args, '-V'], { encoding: 'utf8' }).stderr)?.[1] ?? 'unknown';
}

function put(target: string, name: string, content: string | Uint8Array): void {
  mkdirSync(join(FOLDER, target), { recursive: true });
  writeFileSync(join(FOLDER, target, name), content);
}

await main();
