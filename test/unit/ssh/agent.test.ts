import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listAgent, signWithAgent } from '../../../src/ssh/agent-adapter.ts';
import { openCredentials } from '../../../src/ssh/offers-adapter.ts';
import { WireReader } from '../../../src/wire/reader.ts';
import { WireWriter } from '../../../src/wire/writer.ts';

let directory: string;
let server: Server | undefined;

beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'ensign-agent-'))));
afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  rmSync(directory, { recursive: true });
});

/** An agent that answers with these bytes, in two pieces; `undefined` hangs up. */
async function agent(answer: (request: Buffer) => Uint8Array | undefined): Promise<string> {
  const path = join(directory, 'agent');
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (request) => {
      const bytes = answer(request);
      if (bytes === undefined) return socket.end();
      socket.write(bytes.subarray(0, 3));
      return socket.write(bytes.subarray(3));
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return path;
}

const message = (payload: Uint8Array): Uint8Array => new WireWriter().string(payload).finish();
const identities = (...keys: readonly (readonly [Uint8Array, string])[]): Uint8Array => {
  const writer = new WireWriter().byte(12).uint32(keys.length);
  for (const [blob, comment] of keys) writer.string(blob).string(comment);
  return message(writer.finish());
};

describe('listAgent', () => {
  it('gives what the agent holds', async () => {
    const socket = await agent(() => identities([Uint8Array.of(1), 'one'], [Uint8Array.of(2), '']));
    expect(await listAgent(socket)).toEqual([{ blob: Uint8Array.of(1), comment: 'one' }, { blob: Uint8Array.of(2), comment: '' }]);
  });

  it.each<[string, Uint8Array | undefined]>([
    ['hangs up', undefined],
    ['refuses', message(Uint8Array.of(5))],
    ['is empty', message(new Uint8Array(0))],
    ['claims 4 GiB', Uint8Array.of(255, 255, 255, 255, 12)],
    ['claims more keys than it gives', message(Uint8Array.of(12, 255, 255, 255, 255))],
    ['has something left', message(Uint8Array.of(12, 0, 0, 0, 0, 1))],
  ])('an agent that %s is ssh/agent', async (_name, answer) => {
    await expect(listAgent(await agent(() => answer))).rejects.toMatchObject({ code: 'ssh/agent' });
  });

  it('no agent is ssh/agent', async () => {
    await expect(listAgent(join(directory, 'nowhere'))).rejects.toMatchObject({ code: 'ssh/agent' });
  });
});

describe('signWithAgent', () => {
  it('asks for rsa-sha2-512, and gives the signature', async () => {
    let asked: Buffer = Buffer.alloc(0);
    const socket = await agent((request) => {
      asked = request;
      return message(new WireWriter().byte(14).string('signature').finish());
    });
    expect(Buffer.from(await signWithAgent(socket, Buffer.from('blob'), Buffer.from('data'))).toString()).toBe('signature');
    const reader = new WireReader(asked.subarray(5));
    expect([reader.utf8(), reader.utf8(), reader.uint32(), reader.remaining]).toEqual(['blob', 'data', 4, 0]);
  });
});

describe('openCredentials', () => {
  it('leaves out keys that it cannot read, and keys that it has already', async () => {
    const key = new WireWriter().string('ssh-ed25519').string(Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')).finish();
    const rsa = new WireWriter().string('ssh-rsa').mpint(Uint8Array.of(1, 0, 1)).mpint(Uint8Array.from({ length: 256 }, () => 0xc1)).finish();
    const socket = await agent(() => identities([Uint8Array.of(9), 'garbage'], [key, 'a "key"\n'], [key, 'again'], [rsa, 'rsa']));
    const { offers, problems } = await openCredentials([{ kind: 'agent', socket }]);
    expect(problems).toEqual([]);
    expect(offers.map((offer) => offer.algorithm)).toEqual(['ssh-ed25519', 'rsa-sha2-512']);
    expect(offers[0]?.label).toMatch(/^SHA256:\S+ \(agent: "a \\"key\\"\\n"\)$/);
  });
});
