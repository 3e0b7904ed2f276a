import { createRequire } from 'node:module';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { AppError } from '../base/errors.ts';
import { WireWriter } from '../wire/writer.ts';
import type { Offer } from './offer.ts';

// Everything that knows the inside of ssh2 is in this file. ssh2 knows no certificates, and its RSA logins depend on
// what the server announces; its publickey step is replaced by one that sends exactly the offer it is given.

/** The parts of ssh2's Protocol that are used here. They are not its public face; a test pins them. */
interface Protocol {
  authPK: (user: string, key: object, algorithm?: unknown, sign?: SignRequest) => void;
  readonly _kex: { readonly sessionID: Uint8Array };
  readonly _authsQueue: string[];
  signal(channel: number, name: string): void;
  readonly _handlers: Handlers;
  readonly _packetRW: { readonly write: { readonly allocStart: number; alloc(size: number): Buffer; finalize(packet: Buffer): Buffer } };
}
interface Handlers {
  USERAUTH_FAILURE: (protocol: unknown, methods: string[] | undefined, partial: boolean) => void;
  USERAUTH_INFO_REQUEST: (protocol: unknown, name: string, instructions: string, prompts: unknown) => void;
}
type SignRequest = (data: Buffer, done: (signature: Uint8Array) => void) => void;
type SendPacket = (protocol: Protocol, packet: Buffer) => void;

const USERAUTH_REQUEST = 50; // RFC 4252 section 6

// ssh2 passes only keys that it has parsed itself from agent to protocol; this one carries an offer and is never sent
const CARRIER = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';

/**
 * Makes a client send offers in place of keys. Call it right after `connect()` has made the protocol object; then give
 * {@link offerAgent}s to ssh2's authHandler.
 * @throws AppError `ssh/library` when ssh2 is not built as expected
 */
export function sendOffers(client: Client): void {
  const protocol = protocolOf(client);
  const sendPacket = loadSendPacket();
  protocol.authPK = (user, key, _algorithm, sign) => {
    if (!(key instanceof Object && 'offer' in key)) throw new AppError('ssh/library', 'ssh2 offers a key that was not given to it');
    const offer = key.offer as Offer;
    const request = loginRequest(user, offer, sign !== undefined);
    if (sign === undefined) {
      send(request);
      return;
    }
    const signed = new WireWriter().string(protocol._kex.sessionID).bytes(request).finish();
    sign(Buffer.from(signed), (signature) => send(new WireWriter(2048).bytes(request).string(signature).finish()));
  };
  const send = (payload: Uint8Array): void => {
    // ssh2 tells by this queue whether message 60 answers a key or a password
    protocol._authsQueue.push('publickey');
    const { write } = protocol._packetRW;
    const packet = write.alloc(payload.length);
    packet.set(payload, write.allocStart);
    sendPacket(protocol, write.finalize(packet));
  };
}

/** What a host says during a login. */
export interface LoginEars {
  /** It refuses what was tried, or (`partial`) takes it and wants more: RFC 4252 section 5.1. */
  refused(methods: readonly string[], partial: boolean): void;
  /** It says something along with its questions, or without any: RFC 4256 section 3.2. */
  told(name: string, instructions: string): void;
}

/**
 * Listens to the host while it answers a login. ssh2 does not tell its authHandler what a host says to a key of an agent,
 * and says nothing of questions without a question.
 * @throws AppError `ssh/library` when ssh2 is not built as expected
 */
export function listenToLogin(client: Client, ears: LoginEars): void {
  const handlers = protocolOf(client)._handlers;
  const { USERAUTH_FAILURE: failure, USERAUTH_INFO_REQUEST: request } = handlers;
  handlers.USERAUTH_FAILURE = (protocol, methods, partial) => {
    ears.refused(methods ?? [], partial);
    failure(protocol, methods, partial);
  };
  handlers.USERAUTH_INFO_REQUEST = (protocol, name, instructions, prompts) => {
    ears.told(name, instructions);
    request(protocol, name, instructions, prompts);
  };
}

/** Stops the clock of a login while somebody else has to act: a person at a prompt, or with a key to touch. */
export async function offTheClock<T>(client: Client, work: () => Promise<T>): Promise<T> {
  const timer = (client as unknown as { _readyTimeout?: NodeJS.Timeout })._readyTimeout;
  const gone = new AbortController();
  client.once('close', () => gone.abort());
  clearTimeout(timer);
  try {
    return await work();
  } finally {
    // a clock that is set going for a connection that has ended would keep the process alive
    if (!gone.signal.aborted) timer?.refresh();
  }
}

/** An agent, as ssh2 sees it, that holds just one offer. `onRefusal` hears of a key that would not sign. */
export function offerAgent(offer: Offer, onRefusal: (error: unknown) => void): ssh2.BaseAgent {
  return new OfferAgent(offer, onRefusal);
}

/** Asks the command of a channel to end: RFC 4254 section 6.9. ssh2's own way is barred once stdin has ended. */
export function terminate(client: Client, channel: ClientChannel): void {
  const { outgoing } = channel as unknown as { outgoing?: { id?: number; state?: string } };
  const protocol = (client as unknown as { _protocol?: Partial<Protocol> })._protocol;
  if (outgoing?.id === undefined || (outgoing.state !== 'open' && outgoing.state !== 'eof')) return;
  protocol?.signal?.(outgoing.id, 'TERM');
}

class OfferAgent extends ssh2.BaseAgent {
  readonly #offer: Offer;
  readonly #onRefusal: (error: unknown) => void;

  constructor(offer: Offer, onRefusal: (error: unknown) => void) {
    super();
    this.#offer = offer;
    this.#onRefusal = onRefusal;
  }

  override getIdentities(done: (error: Error | undefined, keys?: ssh2.ParsedKey[]) => void): void {
    const carrier = ssh2.utils.parseKey(CARRIER);
    if (carrier instanceof Error) done(carrier);
    else done(undefined, [Object.assign(carrier, { offer: this.#offer })]);
  }

  override sign(_key: unknown, data: Buffer, options: unknown, callback?: (error?: Error, signature?: Buffer) => void): void {
    const done = (typeof options === 'function' ? options : callback) as (error?: Error, signature?: Buffer) => void;
    this.#offer.sign(data).then(
      (signature) => done(undefined, Buffer.from(signature)),
      (error: unknown) => {
        this.#onRefusal(error);
        // an error would end the login; an empty signature is refused by the host, and the next offer has its turn
        done(undefined, Buffer.alloc(0));
      },
    );
  }
}

/** RFC 4252 section 7; without its signature, which the caller appends. */
function loginRequest(user: string, offer: Offer, signed: boolean): Uint8Array {
  const writer = new WireWriter(1024).byte(USERAUTH_REQUEST).string(user).string('ssh-connection').string('publickey');
  return writer.boolean(signed).string(offer.algorithm).string(offer.blob).finish();
}

function protocolOf(client: Client): Protocol {
  const protocol = (client as unknown as { _protocol?: Partial<Protocol> })._protocol;
  const sound =
    typeof protocol?.authPK === 'function' &&
    Array.isArray(protocol._authsQueue) &&
    typeof protocol._handlers?.USERAUTH_FAILURE === 'function' &&
    typeof protocol._handlers.USERAUTH_INFO_REQUEST === 'function' &&
    typeof protocol._packetRW?.write.alloc === 'function' &&
    typeof protocol._packetRW.write.finalize === 'function';
  if (!sound) throw wrongLibrary();
  return protocol as Protocol;
}

function loadSendPacket(): SendPacket {
  const inside = createRequire(import.meta.url)('ssh2/lib/protocol/utils.js') as { sendPacket?: SendPacket };
  if (typeof inside.sendPacket !== 'function') throw wrongLibrary();
  return inside.sendPacket;
}

function wrongLibrary(): AppError {
  return new AppError('ssh/library', 'the installed ssh2 is not the one that ensign is made for', { hint: 'reinstall with the versions of package-lock.json' });
}
