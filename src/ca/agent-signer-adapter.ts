import { connect } from 'node:net';
import { AppError, usageError } from '../base/errors.ts';
import { encodePublicKey, fingerprint, type PublicKey } from '../wire/public-key.ts';
import { WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';
import type { Signer } from './authority.ts';

// draft-ietf-sshm-ssh-agent, sections 5.1 and 5.3
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const RSA_SHA2_512 = 4;

const LONGEST_ANSWER = 1 << 20;
/** Long, because a person may have to touch a token. */
const TIMEOUT_MS = 60_000;

/**
 * A signer whose private key is held by an ssh-agent: a token, a TPM, PKCS#11, or another machine.
 * @throws AppError `ca/agent-unavailable`, `ca/agent-lacks-key`; sign throws `ca/agent-refused`
 */
export async function openAgentSigner(socket: string | undefined, publicKey: PublicKey): Promise<Signer> {
  if (socket === undefined || socket === '') {
    throw usageError('ca/agent-unavailable', 'there is no ssh-agent: SSH_AUTH_SOCK is not set', { hint: 'start one (eval "$(ssh-agent)") and add the key of the authority' });
  }
  const blob = Buffer.from(encodePublicKey(publicKey));
  const keys = await listKeys(socket);
  if (!keys.some((key) => blob.equals(key))) {
    throw usageError('ca/agent-lacks-key', `the ssh-agent does not hold the authority's key ${fingerprint(publicKey)}`, { hint: 'add it with ssh-add; compare with: ssh-add -l' });
  }
  return {
    publicKey,
    async sign(data) {
      // without the flag an agent signs for RSA with SHA-1
      const request = new WireWriter().byte(SIGN_REQUEST).string(blob).string(data).uint32(publicKey.kind === 'rsa' ? RSA_SHA2_512 : 0);
      const answer = await ask(socket, request.finish());
      if (answer[0] !== SIGN_RESPONSE) {
        throw new AppError('ca/agent-refused', `the ssh-agent refused to sign with ${fingerprint(publicKey)}`, { hint: 'it may be locked, or wait for a confirmation (ssh-add -c)' });
      }
      return read(socket, answer, (reader) => reader.string());
    },
  };
}

async function listKeys(socket: string): Promise<Uint8Array[]> {
  const answer = await ask(socket, new WireWriter().byte(REQUEST_IDENTITIES).finish());
  if (answer[0] !== IDENTITIES_ANSWER) throw new AppError('ca/agent-refused', 'the ssh-agent does not list its keys');
  return read(socket, answer, (reader) => {
    const keys: Uint8Array[] = [];
    for (let left = reader.uint32(); left > 0; left--) {
      keys.push(reader.string());
      reader.string(); // the comment
    }
    return keys;
  });
}

/** Takes the body of an answer apart, to its last byte. */
function read<T>(socket: string, answer: Uint8Array, body: (reader: WireReader) => T): T {
  const reader = new WireReader(answer);
  try {
    reader.byte();
    const value = body(reader);
    reader.end();
    return value;
  } catch (cause) {
    throw usageError('ca/agent-unavailable', `the ssh-agent behind ${socket} gave an answer that makes no sense`, { cause, hint: 'see whether `ssh-add -l` works' });
  }
}

/** One connection for each question: an agent may be restarted between two. */
function ask(path: string, message: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (why: string, cause?: unknown): void => {
      socket.destroy();
      reject(usageError('ca/agent-unavailable', `the ssh-agent behind ${path} ${why}`, { cause, hint: 'see whether `ssh-add -l` works' }));
    };
    let received = Buffer.alloc(0);
    socket.setTimeout(TIMEOUT_MS, () => {
      fail('does not answer');
    });
    socket.on('error', (error) => {
      fail('cannot be reached', error);
    });
    socket.on('close', () => {
      fail('closed the connection');
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4) return;
      const length = received.readUInt32BE();
      if (length === 0 || length > LONGEST_ANSWER) {
        fail('does not speak the agent protocol');
      } else if (received.length >= 4 + length) {
        resolve(Uint8Array.from(received.subarray(4, 4 + length)));
        socket.destroy();
      }
    });
    socket.write(new WireWriter().string(message).finish());
  });
}
