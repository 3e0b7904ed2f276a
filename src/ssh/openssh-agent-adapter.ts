import { createServer, type Server, type Socket } from 'node:net';
import { AppError } from '../base/errors.ts';
import { WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';
import type { Offer } from './offer.ts';

// message numbers and flags: draft-ietf-sshm-ssh-agent
const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const MAX_REQUEST = 256 * 1024;

/**
 * An ssh-agent for one login of a client program: it holds exactly the offers, in their order, and nobody else's keys.
 * So keys that ensign holds in memory need no file, and the client can offer nothing that it was not given.
 */
export class OfferAgentServer {
  readonly #offers: readonly Offer[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #notes: string[] = [];
  readonly #problems: AppError[] = [];
  #signed: Offer | undefined;
  #signing = 0;

  private constructor(offers: readonly Offer[]) {
    this.#offers = offers;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** @param path of the socket, in a folder that nobody else can enter */
  static async listen(path: string, offers: readonly Offer[]): Promise<OfferAgentServer> {
    const agent = new OfferAgentServer(offers);
    await new Promise<void>((resolve, reject) => {
      agent.#server.once('error', reject).listen({ path }, resolve);
    });
    return agent;
  }

  /** Why offers would not sign. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** Key files that could not be opened when they were wanted: what there is to repair. */
  get problems(): readonly AppError[] {
    return this.#problems;
  }

  /** Somebody may be asked for a passphrase now, or for a touch. */
  get signing(): boolean {
    return this.#signing > 0;
  }

  /** What signed last: where the client is in, this let it in. */
  get signed(): Offer | undefined {
    return this.#signed;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    let received = Buffer.alloc(0);
    // answers come in the order of the questions
    let last = Promise.resolve();
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4) {
        const length = received.readUInt32BE(0);
        if (length > MAX_REQUEST) socket.destroy();
        if (length > MAX_REQUEST || received.length < 4 + length) return;
        const request = Uint8Array.from(received.subarray(4, 4 + length));
        received = received.subarray(4 + length);
        last = last.then(async () => {
          const answer = await this.#answer(request).catch(() => failure());
          socket.write(new WireWriter(answer.length + 4).string(answer).finish());
        });
      }
    });
  }

  async #answer(request: Uint8Array): Promise<Uint8Array> {
    const reader = new WireReader(request);
    switch (reader.byte()) {
      case REQUEST_IDENTITIES: {
        const writer = new WireWriter().byte(IDENTITIES_ANSWER).uint32(this.#offers.length);
        for (const { blob } of this.#offers) writer.string(blob).string('');
        return writer.finish();
      }
      case SIGN_REQUEST: {
        const blob = reader.string();
        const offer = this.#offers.find((one) => Buffer.compare(one.blob, blob) === 0);
        return offer === undefined ? failure() : await this.#sign(offer, reader.string());
      }
      default:
        // also extensions, like session-bind@openssh.com
        return failure();
    }
  }

  async #sign(offer: Offer, data: Uint8Array): Promise<Uint8Array> {
    this.#signing += 1;
    try {
      const signature = await offer.sign(data);
      this.#signed = offer;
      return new WireWriter().byte(SIGN_RESPONSE).string(signature).finish();
    } catch (error) {
      if (error instanceof AppError && error.code.startsWith('ssh/key-')) this.#problems.push(error);
      this.#notes.push(`${offer.label} would not sign: ${error instanceof Error ? error.message : String(error)}`);
      return failure();
    } finally {
      this.#signing -= 1;
    }
  }
}

function failure(): Uint8Array {
  return new WireWriter().byte(FAILURE).finish();
}
