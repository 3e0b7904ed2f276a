import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { Secret } from '../../../src/base/secret.ts';
import { openAgentSigner } from '../../../src/ca/agent-signer-adapter.ts';
import { openLocalSigner } from '../../../src/ca/local-signer.ts';
import { listAgent, signWithAgent } from '../../../src/ssh/agent-adapter.ts';
import { parsePrivateKey } from '../../../src/ssh/key-file-adapter.ts';
import { negotiate, startExchange } from '../../../src/ssh/key-exchange.ts';
import { certificateAuthoritiesFor, parseKnownHosts, revocationOf } from '../../../src/ssh/known-hosts.ts';
import { PlainTransport } from '../../../src/ssh/plain-transport.ts';
import { scanHostCertificate } from '../../../src/ssh/scan.ts';
import { parsePublicKeyLine } from '../../../src/wire/public-key.ts';
import { verifySignature } from '../../../src/wire/signature.ts';
import { loadSeeds } from '../corpus.ts';
import { joined, mutateBytes, u32 } from '../mutate-bytes.ts';
import { mutateBase64, mutateText } from '../mutate-text.ts';
import { mutateWire, type Item } from '../mutate-wire.ts';
import type { Random } from '../random.ts';
import { assertSame, assertTrue, bytesOf, textOf, type Target } from '../target.ts';

export const HOST_WORDS = ['@cert-authority', '@revoked', 'ssh-ed25519', 'ssh-rsa', '*', '!web', 'web', '[web]:2222', '*.example.com', '?', '|1|', ' ', '\t', '#'];
/** Whom the tests look up. */
export const LOOKUPS: readonly (readonly [name: string, port: number])[] = [['web', 22], ['web', 2222], ['good.example.com', 22], ['2001:db8::1', 22], ['10.0.0.9', 22], ['upper.example.com', 22], ['secret', 2222]];
export const PASSPHRASE = 'fuzzing';
const REPLY: readonly Item[] = ['byte', 'string', 'string', 'strings'];
const METHODS = ['curve25519-sha256', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384', 'diffie-hellman-group14-sha256'] as const;
const PREAMBLE = { ourVersion: 'SSH-2.0-a', theirVersion: 'SSH-2.0-b', ourInit: new Uint8Array(20), theirInit: new Uint8Array(20) };

/** The targets of src/ssh, and of what else reads keys and agents. */
export function sshTargets(): Target[] {
  return [knownHosts(), privateKey(), caKey(), agent(), transport(), kexReply(), scan()];
}

function knownHosts(): Target {
  const seeds = loadSeeds('known_hosts');
  const texts = seeds.map((seed) => Buffer.from(seed).toString('latin1'));
  return {
    name: 'known_hosts', weight: 10, areas: [], seeds,
    mutate: (seed, random) => Buffer.from(mutateKnownHosts(Buffer.from(seed).toString('latin1'), random, texts), 'latin1'),
    run(input) {
      const text = Buffer.from(input).toString('latin1');
      const known = parseKnownHosts(text, 'known_hosts');
      const meant = text.split('\n').filter((line) => !/^[ \t]*(#|\r?$)/.test(line)).length;
      assertSame(known.entries.length + known.skipped.length, meant, 'some lines are neither read nor named as skipped');
      for (const [name, port] of LOOKUPS) {
        const found = known.lookup(name, port);
        assertTrue(found.every((entry) => known.entries.includes(entry)), 'the index finds what is not in the file');
        const revoked = certificateAuthoritiesFor(known, [name], port).filter((key) => revocationOf(known, [name], port, key) !== undefined);
        assertSame(revoked.length, 0, 'an authority is trusted and revoked');
      }
      return known.skipped.length === 0 ? 'accepted' : 'skipped';
    },
  };
}

export function mutateKnownHosts(text: string, random: Random, others: readonly string[]): string {
  return random.oneIn(3) ? mutateBase64(text, random, (bytes) => mutateBytes(bytes, random, [bytes])) : mutateText(text, random, HOST_WORDS, others);
}

function privateKey(): Target {
  const seeds = loadSeeds('private-key');
  const passphrase = new Secret(PASSPHRASE);
  return {
    name: 'private-key', weight: 1, areas: ['ssh/key-'], seeds,
    mutate: (seed, random) => bytesOf(mutatePrivateKey(textOf(seed), random, seeds)),
    run(input) {
      const key = parsePrivateKey(textOf(input), 'the key', passphrase);
      const data = Uint8Array.of(1, 2, 3);
      assertTrue(verifySignature(key.publicKey, data, key.sign(data)), 'a private key was read whose signatures do not fit its public key');
      return 'accepted';
    },
  };
}

/** OpenSSH's format is changed along PROTOCOL.key: cipher, derivation, its options, count, public keys, private part. */
export function mutatePrivateKey(text: string, random: Random, others: readonly Uint8Array[]): string {
  const base64 = /^-----BEGIN OPENSSH PRIVATE KEY-----\n([^-]*)-----END/.exec(text)?.[1];
  if (base64 === undefined || random.oneIn(3)) return random.oneIn(2) ? mutateBase64(text, random, (bytes) => mutateBytes(bytes, random, [bytes])) : mutateText(text, random, ['none', 'ENCRYPTED', 'OPENSSH', 'RSA', 'EC'], others.map(textOf));
  const bytes = Buffer.from(base64, 'base64');
  const body = mutateWire(bytes.subarray(15), ['string', 'string', 'strings', 'u32', 'strings', 'strings'], random, [bytes.subarray(15)]);
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.concat([bytes.subarray(0, 15), body]).toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function caKey(): Target {
  // the keys of an authority are always encrypted: PROTOCOL.key
  const seeds = loadSeeds('private-key').filter((seed) => Buffer.from(textOf(seed).replace(/-----.*-----/g, ''), 'base64').includes('bcrypt'));
  const passphrase = new Secret(PASSPHRASE);
  const expected = parsePublicKeyLine(textOf(loadSeeds('public-key')[0] ?? new Uint8Array())).key;
  return {
    name: 'ca-key', weight: 0.2, areas: ['ca/'], seeds,
    mutate: (seed, random) => bytesOf(mutatePrivateKey(textOf(seed), random, seeds)),
    run(input) {
      // a key of somebody else's: what can be opened is refused as another key
      openLocalSigner(textOf(input), passphrase, expected, 'user_ca');
      return 'accepted';
    },
  };
}

/** An agent that answers whatever it is asked with the input. */
function agent(): Target {
  const seeds = loadSeeds('agent');
  let socket = '';
  const key = parsePublicKeyLine(textOf(loadSeeds('public-key')[3] ?? new Uint8Array())).key;
  let answer: Uint8Array = new Uint8Array(0);
  let started: Promise<void> | undefined;
  const start = (): Promise<void> =>
    new Promise((resolve) => {
      const folder = mkdtempSync(join(tmpdir(), 'ensign-fuzz-agent-'));
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
      socket = join(folder, 'agent');
      const server = createServer((client) => client.on('error', () => undefined).once('data', () => client.end(answer)));
      server.listen(socket, resolve).unref();
    });
  return {
    name: 'agent', weight: 0.5, areas: ['ssh/agent', 'ca/agent-'], seeds,
    mutate: (seed, random) => mutateWire(seed, seed[0] === 14 ? ['byte', 'strings'] : ['byte', 'u32', ...Array.from({ length: 6 }, () => 'string' as const)], random, seeds),
    async run(input) {
      await (started ??= start());
      // every fourth lies about its length as well
      answer = joined(u32(input.length % 4 === 3 ? (input[0] ?? 0) << 12 : input.length), input);
      const outcomes = await Promise.allSettled([listAgent(socket), signWithAgent(socket, new Uint8Array(4), new Uint8Array(4)), openAgentSigner(socket, key)]);
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
      for (const { reason } of failed) if (!(reason instanceof Error && 'code' in reason && /^(ssh\/agent|ca\/agent-[a-z-]+)$/.test(String(reason.code)))) throw reason;
      if (failed.length === outcomes.length) throw failed[0]?.reason;
      return 'accepted';
    },
  };
}

/** The first packets of a connection, as PlainTransport cuts them, and the negotiation in them: attacks row 3. */
function transport(): Target {
  const seeds = loadSeeds('transport');
  return {
    name: 'transport', weight: 8, areas: ['ssh/protocol', 'ssh/dropped', 'ssh/lost', 'wire/'], seeds,
    mutate: (seed, random) => mutateStream(seed, random, seeds),
    async run(input) {
      const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
      const server = new PlainTransport(socket, 'the host');
      // in pieces, as a network delivers
      for (let at = 0; at < input.length; ) {
        const end = at + 1 + ((at * 7919 + (input[at] ?? 0) * 31) % 2000);
        socket.push(input.subarray(at, end));
        at = end;
      }
      socket.push(null);
      try {
        await server.version();
        const init = await server.packet();
        negotiate(['ssh-ed25519', 'rsa-sha2-512'], init);
        assertTrue((await server.packet()).length > 0, 'a packet without a message');
        return 'accepted';
      } finally {
        socket.destroy();
      }
    },
  };
}

/** The version line and the packets of a stream are mutated each for itself, so that the later ones are reached. */
export function mutateStream(stream: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
  if (random.oneIn(4)) return mutateBytes(stream, random, others);
  const [version, ...packets] = pieces(stream);
  const all = [version, ...packets].map((piece, i) => (random.oneIn(3) ? (i === 0 ? bytesOf(mutateText(textOf(piece ?? stream), random, ['SSH-2.0-', 'SSH-1.5-'], ['SSH-2.0-x'])) : mutatePacket(piece ?? stream, random)) : (piece ?? stream)));
  return joined(...(random.oneIn(6) ? all.toSpliced(1 + random.below(all.length), random.below(2), random.pick(all)) : all));
}

function mutatePacket(packet: Uint8Array, random: Random): Uint8Array {
  const layout: Item[] = packet[5] === 20 ? [...Array.from({ length: 22 }, () => 'byte' as const), ...Array.from({ length: 10 }, () => 'string' as const), 'byte', 'u32'] : ['u32', 'byte', ...REPLY];
  const padding = packet[4] ?? 0;
  const body = mutateWire(packet.subarray(0, packet.length - padding), layout, random, [packet]);
  const whole = joined(body, packet.subarray(packet.length - padding));
  return random.oneIn(3) ? whole : joined(u32(whole.length - 4), whole.subarray(4));
}

function pieces(stream: Uint8Array): Uint8Array[] {
  const end = stream.indexOf(10) + 1;
  const found = [stream.subarray(0, end)];
  for (let at = end; at + 4 <= stream.length; ) {
    const next = at + 4 + Buffer.from(stream).readUInt32BE(at);
    found.push(stream.subarray(at, next));
    at = next;
  }
  return found;
}

/** The answer of a key exchange, for several methods. Shares are thrown away in `scan`, here one serves for all inputs. */
function kexReply(): Target {
  const seeds = loadSeeds('transport').map((stream) => {
    const packet = pieces(stream)[2] ?? new Uint8Array();
    return packet.slice(5, packet.length - (packet[4] ?? 0));
  });
  const exchanges = METHODS.map((method) => startExchange(method, PREAMBLE));
  return {
    name: 'kex-reply', weight: 2, areas: ['wire/'], seeds,
    mutate: (seed, random) => mutateWire(seed, REPLY, random, seeds),
    run(input) {
      try {
        const { hash } = (exchanges[input.length % exchanges.length] ?? exchanges[0])?.finish(input) ?? { hash: new Uint8Array() };
        assertTrue(hash.length >= 32, 'the exchange hash is too short');
        return 'accepted';
      } catch (error) {
        // as its description says; `scan` makes ssh/protocol of it
        if (error instanceof Error && (error.constructor === Error || error.message.startsWith('Supplied key is too'))) return 'bad share';
        throw error;
      }
    },
  };
}

/** The whole scanner against a server that sends the input, whatever it is asked. */
function scan(): Target {
  const seeds = loadSeeds('transport');
  let stream: Uint8Array = new Uint8Array(0);
  let port: Promise<number> | undefined;
  const start = (): Promise<number> =>
    new Promise((resolve) => {
      const server = createServer((client) => client.on('error', () => undefined).resume().end(stream));
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)).unref();
    });
  return {
    name: 'scan', weight: 0.5, areas: ['ssh/'], seeds,
    mutate: (seed, random) => mutateStream(seed, random, seeds),
    async run(input) {
      stream = input;
      // a recorded exchange proves nothing to a new connection: whatever came, it must not be believed
      await scanHostCertificate({ address: '127.0.0.1', port: await (port ??= start()) });
      assertTrue(false, 'the scanner believes a recording');
      return 'accepted';
    },
  };
}
