import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectNodeSsh, nodeSshConnector } from '../../../src/ssh/node-ssh-adapter.ts';
import { connectOpenSsh, openSshConnector } from '../../../src/ssh/openssh-adapter.ts';
import type { Connect, ConnectOptions, HostSession } from '../../../src/ssh/session.ts';
import { LocalSshd, makeKey } from '../../support/local-sshd.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

interface Transport {
  readonly name: string;
  readonly connect: Connect;
  /** Notices a silent link as soon as it can. */
  readonly watchful: Connect;
  readonly module: string;
}

// one contract, whatever carries the session
const TRANSPORTS: readonly Transport[] = [
  { name: 'connectNodeSsh', connect: connectNodeSsh, watchful: nodeSshConnector(50), module: 'node-ssh-adapter' },
  { name: 'connectOpenSsh', connect: connectOpenSsh, watchful: openSshConnector({ keepalive: 1 }), module: 'openssh-adapter' },
];

let sshd: LocalSshd;

describe.each(TRANSPORTS)('$name', ({ name, connect, watchful, module }) => {
  let session: HostSession;

  beforeAll(async () => {
    sshd = await LocalSshd.start({ prepare: (directory) => makeKey(`${directory}/key`, 'ed25519') });
    sshd.authorize(readFileSync(sshd.path('key.pub'), 'utf8'));
    session = await connect(options(sshd.port));
  });

  afterAll(async () => {
    await session.close();
    await sshd.stop();
  });

  describe('run', () => {
    it('gives stdout, stderr and the exit status apart, untrimmed', async () => {
      const result = await session.run(['sh', '-c', 'echo " out "; echo err >&2; exit 7']);
      expect(result).toEqual({ code: 7, signal: undefined, stdout: ' out \n', stderr: 'err\n' });
    });

    it('gives the signal that ended a command', async () => {
      expect(await session.run(['sh', '-c', 'kill -KILL $$'])).toMatchObject({ code: undefined, signal: 'KILL' });
    });

    it('passes words literally, whatever they hold', async () => {
      const words = ['', 'a b', `it's`, '$HOME', '`id`', '$(id)', '\\', '!', '*', '~', ';id', '--', 'é漢'];
      const { stdout } = await session.run(['printf', '%s\\0', ...words]);
      expect(stdout.split('\0').slice(0, -1)).toEqual(words);
    });

    it.each<[string[]]>([[[]], [['']], [['-n']], [['A=b', 'id']], [['echo', 'a\nb']]])('refuses %j as a command', async (argv) => {
      await expect(session.run(argv)).rejects.toMatchObject({ code: 'ssh/quote' });
    });

    it('gives a command all of stdin, and an empty one by default', async () => {
      const stdin = `${'0123456789'.repeat(500_000)}é\n`;
      expect((await session.run(['cat'], { stdin })).stdout).toBe(stdin);
      expect(await session.run(['cat'])).toMatchObject({ code: 0, stdout: '' });
    });

    it('puts characters together that come in two pieces', async () => {
      const { stdout } = await session.run(['sh', '-c', 'printf "\\303"; sleep 0.1; printf "\\251"']);
      expect(stdout).toBe('é');
    });

    it('speaks in the C locale', async () => {
      expect((await session.run(['sh', '-c', 'echo $LC_ALL'])).stdout).toBe('C\n');
      expect((await session.run(['ls', '/nonexistent'])).stderr).toContain('No such file or directory');
    });

    it('runs several commands at once', async () => {
      const outputs = await Promise.all(Array.from({ length: 8 }, (_, i) => session.run(['echo', `${i}`])));
      expect(outputs.map((o) => o.stdout)).toEqual(Array.from({ length: 8 }, (_, i) => `${i}\n`));
    });

    it('stops at the deadline, and the session goes on', async () => {
      await expect(session.run(['sleep', '3'], { timeoutMs: 100 })).rejects.toMatchObject({ code: 'ssh/timeout' });
      expect((await session.run(['echo', 'on'])).stdout).toBe('on\n');
    });

    it('stops at too much output, and the session goes on', async () => {
      await expect(session.run(['cat', '/dev/zero'])).rejects.toMatchObject({ code: 'ssh/output-too-large' });
      await expect(session.run(['sh', '-c', 'cat /dev/zero >&2'])).rejects.toMatchObject({ code: 'ssh/output-too-large' });
      expect((await session.run(['echo', 'on'])).stdout).toBe('on\n');
    });

    it('more channels than sshd allows are refused with a code', async () => {
      const other = await connect(options(sshd.port));
      const results = await Promise.allSettled(Array.from({ length: 12 }, () => other.run(['sleep', '0.5'])));
      await other.close();
      const refused = results.filter((r) => r.status === 'rejected').map((r) => (r.reason as { code: string }).code);
      expect(refused).toEqual(['ssh/exec-refused', 'ssh/exec-refused']);
    });

    it('become is nothing to do for root', async () => {
      const root = await connect({ ...options(sshd.port), become: 'sudo' });
      expect((await root.run(['cat'], { become: true, stdin: 'x' })).stdout).toBe('x');
      await root.close();
    });
  });

  describe('putFile', () => {
    it('writes the content with its mode, over what was there', async () => {
      const path = sshd.path("it's a file");
      await session.putFile(path, 'first', 0o644);
      await session.putFile(path, 'sécond\n', 0o600);
      expect(readFileSync(path, 'utf8')).toBe('sécond\n');
      expect(lstatSync(path).mode & 0o7777).toBe(0o600);
      await session.putFile(path, '', 0o4755);
      expect([readFileSync(path, 'utf8'), lstatSync(path).mode & 0o7777]).toEqual(['', 0o4755]);
    });

    it('replaces a link, and does not write through it', async () => {
      writeFileSync(sshd.path('target'), 'untouched');
      symlinkSync(sshd.path('target'), sshd.path('link'));
      await session.putFile(sshd.path('link'), 'new', 0o600);
      expect([readFileSync(sshd.path('target'), 'utf8'), readFileSync(sshd.path('link'), 'utf8')]).toEqual(['untouched', 'new']);
    });

    it('leaves nothing behind when it fails', async () => {
      mkdirSync(sshd.path('folder'));
      await expect(session.putFile(sshd.path('folder'), 'x', 0o600)).rejects.toMatchObject({ code: 'ssh/put-failed' });
      await expect(session.putFile('/nonexistent/file', 'x', 0o600)).rejects.toMatchObject({ code: 'ssh/put-failed' });
      expect(readdirSync(sshd.path('folder'))).toEqual([]);
      expect(readdirSync(sshd.directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    });

    it('a connection that is cut in the middle replaces nothing', async () => {
      const proxy = await TcpProxy.start(sshd.port);
      const victim = await connect(options(proxy.port));
      writeFileSync(sshd.path('whole'), 'whole');
      proxy.cutAfter(4 * 1024 * 1024);
      const put = victim.putFile(sshd.path('whole'), 'x'.repeat(8 * 1024 * 1024), 0o600);
      await expect(put).rejects.toMatchObject({ code: 'ssh/lost' });
      await expect.poll(() => readdirSync(sshd.directory).some((name) => name.endsWith('.tmp')), { timeout: 20_000 }).toBe(false);
      expect(readFileSync(sshd.path('whole'), 'utf8')).toBe('whole');
      await proxy.stop();
    });
  });

  describe('a lost connection', () => {
    it('ends what runs with ssh/lost, and everything after it', async () => {
      const proxy = await TcpProxy.start(sshd.port);
      const victim = await connect(options(proxy.port));
      const running = [victim.run(['sleep', '30']), victim.run(['cat', '/dev/zero']), victim.run(['sleep', '30'])];
      proxy.cut();
      for (const result of running) await expect(result).rejects.toMatchObject({ code: 'ssh/lost', exit: 5 });
      await expect(victim.run(['id'])).rejects.toMatchObject({ code: 'ssh/lost' });
      await victim.close();
      await proxy.stop();
    });

    it('is noticed also when nobody says so', async () => {
      const proxy = await TcpProxy.start(sshd.port);
      const victim = await watchful(options(proxy.port));
      const running = victim.run(['sleep', '30']);
      proxy.freeze();
      await expect(running).rejects.toMatchObject({ code: 'ssh/lost' });
      await victim.close();
      await proxy.stop();
    });

    it('sshd killed under a command is ssh/lost too', async () => {
      const other = await connect(options(sshd.port));
      await expect(other.run(['sh', '-c', 'kill -KILL $PPID; sleep 30'])).rejects.toMatchObject({ code: 'ssh/lost' });
      await other.close();
    });
  });

  describe('close', () => {
    it('may be called again, and ends what runs', async () => {
      const other = await connect(options(sshd.port));
      const running = other.run(['sleep', '30']);
      running.catch(() => undefined);
      await Promise.all([other.close(), other.close()]);
      await other.close();
      await expect(running).rejects.toMatchObject({ code: 'ssh/lost' });
      await expect(other.run(['id'])).rejects.toMatchObject({ code: 'ssh/lost' });
    });

    it('leaves no socket, timer or agent connection that would keep a process from ending', async () => {
      const script = `
        const { ${name}: connect } = await import(${JSON.stringify(new URL(`../../../src/ssh/${module}.ts`, import.meta.url).href)});
        const options = { ...${JSON.stringify(options(sshd.port))}, hostKey: () => ({ accepted: true, how: 'pinned' }) };
        const session = await connect(options);
        const slow = session.run(['sleep', '30']).catch((error) => error.code);
        await session.run(['sleep', '30'], { timeoutMs: 50 }).catch(() => undefined);
        const { code } = await session.run(['true']);
        await session.close();
        await connect({ ...options, user: 'nobody-here' }).catch(() => undefined);
        process.stdout.write([code, await slow].join(' '));`;
      const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [output, status] = await Promise.all([text(child.stdout), once(child, 'exit')]);
      expect([output, status[0]]).toEqual(['0 ssh/lost', 0]);
    });

    it('a host that does not say goodbye is left after a while', async () => {
      const proxy = await TcpProxy.start(sshd.port);
      const other = await connect(options(proxy.port));
      proxy.freeze();
      await other.close();
      await proxy.stop();
    });
  });

  describe('connecting fails with a code', () => {
    const servers: Server[] = [];
    afterEach(() => servers.splice(0).forEach((server) => server.close()));

    async function fake(greet: (write: (data: string | Buffer) => void, end: () => void) => void): Promise<number> {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        greet((data) => socket.write(data), () => socket.end());
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return (server.address() as { port: number }).port;
    }

    it('nobody listens', async () => {
      const port = await fake(() => undefined);
      await new Promise((resolve) => servers.pop()?.close(resolve));
      await expect(connect(options(port))).rejects.toMatchObject({ code: 'ssh/refused', exit: 5 });
    });

    it('a name without an address', async () => {
      await expect(connect({ ...options(22), address: 'no-such-host.invalid' })).rejects.toMatchObject({ code: 'ssh/unreachable', exit: 5 });
    });

    it('a host that says nothing', async () => {
      const port = await fake(() => undefined);
      await expect(connect({ ...options(port), connectTimeoutMs: 200 })).rejects.toMatchObject({ code: 'ssh/timeout', exit: 5 });
    });

    it('a host that hangs up at once, or after its greeting', async () => {
      const now = await fake((_, end) => end());
      await expect(connect(options(now))).rejects.toMatchObject({ code: 'ssh/dropped', exit: 5 });
      const later = await fake((write, end) => {
        write('SSH-2.0-OpenSSH_9.2\r\n');
        end();
      });
      await expect(connect(options(later))).rejects.toMatchObject({ code: 'ssh/dropped' });
    });

    it('something else than SSH', async () => {
      const garbage = await fake((write) => write(`SSH-2.0-x\r\n${'\xff'.repeat(100)}`));
      await expect(connect(options(garbage))).rejects.toMatchObject({ code: 'ssh/protocol' });
    });
  });
});

function options(port: number): ConnectOptions {
  return {
    host: 'test-host',
    address: '127.0.0.1',
    port,
    user: sshd.user,
    credentials: [{ kind: 'key', path: sshd.path('key') }],
    hostKey: () => ({ accepted: true, how: 'pinned' }),
    become: 'none',
  };
}
