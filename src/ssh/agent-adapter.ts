import { connect } from 'node:net';
import { AppError } from '../base/errors.ts';
import { WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';

// message numbers and flags: draft-ietf-sshm-ssh-agent
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const RSA_SHA2_512 = 4;

const MAX_ANSWER = 256 * 1024; // as OpenSSH's agent and client
const LIST_TIMEOUT_MS = 10_000;
// somebody may have to touch a key or answer a question
const SIGN_TIMEOUT_MS = 60_000;

export interface AgentIdentity {
  /** Public key or certificate, as bytes on the wire. */
  readonly blob: Uint8Array;
  readonly comment: string;
}

/**
 * The keys and certificates that an agent holds, in its order.
 * @throws AppError `ssh/agent`
 */
export async function listAgent(socket: string): Promise<AgentIdentity[]> {
  const answer = await ask(socket, new WireWriter().byte(REQUEST_IDENTITIES).finish(), LIST_TIMEOUT_MS);
  return read(socket, answer, IDENTITIES_ANSWER, (reader) => {
    const count = reader.uint32();
    const identities: AgentIdentity[] = [];
    for (let i = 0; i < count; i++) {
      const blob = reader.string();
      identities.push({ blob, comment: Buffer.from(reader.string()).toString('utf8') });
    }
    return identities;
  });
}

/**
 * Has an agent sign; gives the SSH signature blob. RSA keys sign with rsa-sha2-512.
 * @throws AppError `ssh/agent`
 */
export async function signWithAgent(socket: string, blob: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
  const request = new WireWriter().byte(SIGN_REQUEST).string(blob).string(data).uint32(RSA_SHA2_512).finish();
  return read(socket, await ask(socket, request, SIGN_TIMEOUT_MS), SIGN_RESPONSE, (reader) => reader.string());
}

function read<T>(socket: string, answer: Uint8Array, expected: number, body: (reader: WireReader) => T): T {
  const reader = new WireReader(answer);
  try {
    if (reader.byte() !== expected) throw agentError(socket, 'refused');
    const value = body(reader);
    reader.end();
    return value;
  } catch (cause) {
    if (cause instanceof AppError && cause.code === 'ssh/agent') throw cause;
    throw agentError(socket, 'gave an answer that makes no sense', cause);
  }
}

/** One question over one connection. */
function ask(path: string, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = connect({ path });
    const settle = (): void => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => undefined).destroy();
    };
    const fail = (what: string, cause?: Error): void => {
      settle();
      reject(agentError(path, what, cause));
    };
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs / 1000} s`), timeoutMs);
    socket.on('error', (cause) => fail('cannot be reached', cause));
    socket.on('close', () => fail('closed the connection'));
    socket.on('connect', () => socket.write(new WireWriter().string(request).finish()));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4) return;
      const length = received.readUInt32BE(0);
      if (length === 0 || length > MAX_ANSWER) {
        fail('gave an answer of an impossible length');
      } else if (received.length >= 4 + length) {
        settle();
        resolve(received.subarray(4, 4 + length));
      }
    });
  });
}

function agentError(socket: string, what: string, cause?: unknown): AppError {
  return new AppError('ssh/agent', `the ssh-agent at ${socket} ${what}`, {
    cause,
    hint: 'is SSH_AUTH_SOCK that of a running agent, and does `ssh-add -l` show the key?',
  });
}
