import { createHash, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { WireReader } from '../../src/wire/reader.ts';
import { WireWriter } from '../../src/wire/writer.ts';

/** What a server says at the end of a curve25519 key exchange, and what it claims before. */
export interface FakeServer {
  readonly hostKeyAlgorithms: readonly string[];
  /** Key or certificate to show. */
  readonly hostKeyBlob: Uint8Array;
  /** Gives a signature blob over the exchange hash. */
  readonly sign: (hash: Uint8Array) => Uint8Array;
  /** Packets to send before the key exchange message, lines before the version. */
  readonly before?: readonly Uint8Array[];
  readonly banner?: string;
  /** Claims to have guessed, and sends this wrong guess. */
  readonly guess?: Uint8Array;
  /** In place of its public share. */
  readonly share?: Uint8Array;
}

const VERSION = 'SSH-2.0-fake';

/** Listens on 127.0.0.1; tells each connection apart by running the handler once for it. */
export async function listen(handler: (socket: Socket) => void): Promise<{ port: number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    handler(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as { port: number }).port, stop };
}

/** A server that runs the key exchange by the book, but may show and sign what it likes. */
export function fakeSshServer(fake: FakeServer): (socket: Socket) => void {
  return (socket) => {
    const ourInit = kexInit(fake);
    socket.write(`${fake.banner ?? ''}${VERSION}\r\n`);
    for (const payload of [...(fake.before ?? []), ourInit, ...(fake.guess === undefined ? [] : [fake.guess])]) socket.write(packet(payload));
    let received = Buffer.alloc(0);
    let theirVersion: string | undefined;
    let theirInit: Buffer | undefined;
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf(10);
      if (theirVersion === undefined && end !== -1) {
        theirVersion = received.subarray(0, end - 1).toString();
        received = received.subarray(end + 1);
      }
      while (theirVersion !== undefined && received.length >= 4 && received.length >= 4 + received.readUInt32BE(0)) {
        const length = received.readUInt32BE(0);
        const payload = received.subarray(5, 4 + length - (received[4] ?? 0));
        received = received.subarray(4 + length);
        if (theirInit === undefined) theirInit = payload;
        else if (payload[0] === 30) socket.write(packet(reply(fake, { theirVersion, theirInit, ourInit, theirs: new WireReader(payload.subarray(1)).string() })));
      }
    });
  };
}

/** One packet without encryption. */
export function packet(payload: Uint8Array): Uint8Array {
  const padding = 16 - ((payload.length + 5) % 8);
  return new WireWriter().uint32(1 + payload.length + padding).byte(padding).bytes(payload).bytes(new Uint8Array(padding)).finish();
}

function kexInit(fake: FakeServer): Uint8Array {
  const writer = new WireWriter().byte(20).bytes(new Uint8Array(16));
  const kex = fake.guess === undefined ? ['curve25519-sha256'] : ['something-else', 'curve25519-sha256'];
  for (const names of [kex, fake.hostKeyAlgorithms, ['aes128-ctr'], ['aes128-ctr'], ['hmac-sha2-256'], ['hmac-sha2-256'], ['none'], ['none'], [], []]) writer.nameList(names);
  return writer.boolean(fake.guess !== undefined).uint32(0).finish();
}

function reply(fake: FakeServer, input: { theirVersion: string; theirInit: Uint8Array; ourInit: Uint8Array; theirs: Uint8Array }): Uint8Array {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const ours = fake.share ?? Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const theirKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: Buffer.from(input.theirs).toString('base64url') }, format: 'jwk' });
  const secret = diffieHellman({ privateKey, publicKey: theirKey });
  const data = new WireWriter().string(input.theirVersion).string(VERSION).string(input.theirInit).string(input.ourInit);
  data.string(fake.hostKeyBlob).string(input.theirs).string(ours).mpint(secret);
  const signature = fake.sign(createHash('sha256').update(data.finish()).digest());
  return new WireWriter().byte(31).string(fake.hostKeyBlob).string(ours).string(signature).finish();
}
