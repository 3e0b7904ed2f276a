import { createECDH, createHash, createPublicKey, diffieHellman, generateKeyPairSync, getDiffieHellman, randomBytes } from 'node:crypto';
import { WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';
import { MESSAGE } from './plain-transport.ts';

const KEX_REQUEST = 30; // SSH_MSG_KEXDH_INIT, SSH_MSG_KEX_ECDH_INIT
const KEX_REPLY = 31;

/** One half of an agreement on a secret. */
interface Agreement {
  /** What we send, as it stands in the message and in the hash: a string or an mpint. */
  readonly ours: Uint8Array;
  /** The same for what they sent. */
  encode(theirs: Uint8Array): Uint8Array;
  /** Big-endian magnitude. @throws Error when the other half is no good */
  secret(theirs: Uint8Array): Uint8Array;
}

const METHODS = {
  'curve25519-sha256': { hash: 'sha256', start: x25519 }, // RFC 8731
  'curve25519-sha256@libssh.org': { hash: 'sha256', start: x25519 },
  'ecdh-sha2-nistp256': { hash: 'sha256', start: () => ecdh('prime256v1') }, // RFC 5656
  'ecdh-sha2-nistp384': { hash: 'sha384', start: () => ecdh('secp384r1') },
  'ecdh-sha2-nistp521': { hash: 'sha512', start: () => ecdh('secp521r1') },
  'diffie-hellman-group14-sha256': { hash: 'sha256', start: () => modp('modp14') }, // RFC 8268
  'diffie-hellman-group16-sha512': { hash: 'sha512', start: () => modp('modp16') },
} as const;
type Method = keyof typeof METHODS;

// never used, because we leave before encryption begins; but a server hangs up without something in common
const CIPHERS = ['chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr', 'aes192-ctr', 'aes128-ctr'];
const MACS = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'];
const COMPRESSION = ['none', 'zlib@openssh.com'];

/** Our SSH_MSG_KEXINIT: RFC 4253 section 7.1. */
export function kexInit(hostKeyAlgorithms: readonly string[]): Uint8Array {
  const writer = new WireWriter(1024).byte(MESSAGE.kexInit).bytes(randomBytes(16));
  for (const names of [Object.keys(METHODS), hostKeyAlgorithms, CIPHERS, CIPHERS, MACS, MACS, COMPRESSION, COMPRESSION, [], []]) writer.nameList(names);
  return writer.boolean(false).uint32(0).finish();
}

/** What both sides will use: the first of ours that is among theirs. Undefined where nothing is. */
export interface Negotiated {
  readonly method: Method | undefined;
  readonly hostKeyAlgorithm: string | undefined;
  /** The server has guessed, wrongly, and sends one packet that is to be dropped. */
  readonly dropNext: boolean;
}

/** @throws AppError `wire/*` when the server's SSH_MSG_KEXINIT is malformed */
export function negotiate(hostKeyAlgorithms: readonly string[], theirInit: Uint8Array): Negotiated {
  const reader = new WireReader(theirInit);
  reader.bytes(1 + 16);
  const [methods = [], hostKeys = []] = Array.from({ length: 10 }, () => reader.nameList());
  const follows = reader.boolean();
  reader.uint32();
  reader.end();
  const method = (Object.keys(METHODS) as Method[]).find((name) => methods.includes(name));
  const hostKeyAlgorithm = hostKeyAlgorithms.find((name) => hostKeys.includes(name));
  return { method, hostKeyAlgorithm, dropNext: follows && (methods[0] !== method || hostKeys[0] !== hostKeyAlgorithm) };
}

/** What is known to both sides before, and goes into the hash: RFC 4253 section 8. */
export interface Preamble {
  readonly ourVersion: string;
  readonly theirVersion: string;
  readonly ourInit: Uint8Array;
  readonly theirInit: Uint8Array;
}

/** The server's proof: its key or certificate, and the signature with it over the hash. */
export interface ExchangeResult {
  readonly hostKeyBlob: Uint8Array;
  readonly hash: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Begins a key exchange: a message to send, and what to do with the answer.
 * `finish` throws AppError `wire/*` for a malformed answer and Error for a share that is no good.
 */
export function startExchange(method: Method, preamble: Preamble): { readonly request: Uint8Array; finish(reply: Uint8Array): ExchangeResult } {
  const { hash, start } = METHODS[method];
  const agreement = start();
  return {
    request: new WireWriter().byte(KEX_REQUEST).bytes(agreement.ours).finish(),
    finish(reply) {
      const reader = new WireReader(reply);
      if (reader.byte() !== KEX_REPLY) throw new Error('another message came in place of the answer');
      const hostKeyBlob = reader.string();
      const theirs = reader.string();
      const signature = reader.string();
      reader.end();
      const secret = agreement.secret(theirs);
      if (secret.every((byte) => byte === 0)) throw new Error('the agreed secret is zero');
      const data = new WireWriter(4096)
        .string(preamble.ourVersion)
        .string(preamble.theirVersion)
        .string(preamble.ourInit)
        .string(preamble.theirInit)
        .string(hostKeyBlob)
        .bytes(agreement.ours)
        .bytes(agreement.encode(theirs))
        .mpint(secret);
      return { hostKeyBlob, signature, hash: createHash(hash).update(data.finish()).digest() };
    },
  };
}

function x25519(): Agreement {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return {
    ours: asString(Buffer.from(x, 'base64url')),
    encode: asString,
    secret(theirs) {
      if (theirs.length !== 32) throw new Error('its share has a wrong length');
      const key = { kty: 'OKP', crv: 'X25519', x: Buffer.from(theirs).toString('base64url') };
      return diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'jwk' }) });
    },
  };
}

function ecdh(curve: string): Agreement {
  const pair = createECDH(curve);
  return { ours: asString(pair.generateKeys()), encode: asString, secret: (theirs) => pair.computeSecret(theirs) };
}

function modp(group: string): Agreement {
  const pair = getDiffieHellman(group);
  // an mpint's bytes are a string's whose first bit is clear, so it is read like one
  return { ours: asInteger(pair.generateKeys()), encode: asInteger, secret: (theirs) => pair.computeSecret(theirs) };
}

function asString(bytes: Uint8Array): Uint8Array {
  return new WireWriter().string(bytes).finish();
}

function asInteger(bytes: Uint8Array): Uint8Array {
  return new WireWriter().mpint(bytes).finish();
}
