import type { Duplex } from 'node:stream';
import { AppError, EXIT } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { decodeCertificate, isCertificateType, type Certificate } from '../wire/certificate.ts';
import { decodePublicKey, type PublicKey } from '../wire/public-key.ts';
import { WireReader } from '../wire/reader.ts';
import { verifySignature } from '../wire/signature.ts';
import { WireWriter } from '../wire/writer.ts';
import { kexInit, negotiate, startExchange, type ExchangeResult } from './key-exchange.ts';
import { MESSAGE, PlainTransport } from './plain-transport.ts';
import type { Dial } from './session.ts';
import { dial as dialStraight, placeOf } from './tcp-adapter.ts';

/** What a host proved to hold. */
export interface ScanResult {
  /** The server's identification line. */
  readonly version: string;
  /** The key, or the subject key of the certificate. */
  readonly hostKey: PublicKey;
  /** Read, not yet judged: that is for `checkCertificate`. */
  readonly certificate?: Certificate;
  readonly hostKeyAlgorithm: string;
}

export interface ScanOptions {
  readonly address: string;
  readonly port: number;
  /** For the whole scan; 10 seconds by default. */
  readonly timeoutMs?: number;
  /** Certificate and plain host key algorithms, in order of wish; absent or empty: every one we know, certificates first. */
  readonly algorithms?: readonly string[];
  /** How the bytes get there; straight from here by default. */
  readonly dial?: Dial;
}

const OUR_VERSION = 'SSH-2.0-ensign_scan';
const TIMEOUT_MS = 10_000;
const BY_APPLICATION = 11; // RFC 4253 section 11.1
const CERTIFICATE_SUFFIX = '-cert-v01@openssh.com';
const PLAIN = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'rsa-sha2-512', 'rsa-sha2-256'];
const ALGORITHMS = [...PLAIN.map((name) => name + CERTIFICATE_SUFFIX), ...PLAIN];

/**
 * Asks a host for its certificate, or else its key, and has it prove that it holds the private half: one TCP
 * connection, identification and key exchange only, then goodbye. Nobody logs in.
 * @throws AppError `ssh/unreachable`, `ssh/refused`, `ssh/timeout`, `ssh/dropped`, `ssh/penalized`, `ssh/protocol`,
 *   those of `dial`, `ssh/no-common-algorithm` (the host has no key or certificate of those asked for), `ssh/bad-exchange-signature`
 */
export async function scanHostCertificate(options: ScanOptions): Promise<ScanResult> {
  const { address, port, timeoutMs = TIMEOUT_MS, algorithms = [], dial = dialStraight } = options;
  const where = placeOf(options);
  const socket = await dial({ address, port, timeoutMs });
  // the reader gets this error, wherever it waits
  const timer = setTimeout(() => socket.destroy(tooSlow(where, timeoutMs)), timeoutMs);
  try {
    return await scan(socket, where, algorithms.length === 0 ? ALGORITHMS : algorithms);
  } finally {
    clearTimeout(timer);
    // our goodbye is sent before the end
    socket.on('error', () => undefined).end(() => socket.destroy());
  }
}

async function scan(socket: Duplex, where: string, algorithms: readonly string[]): Promise<ScanResult> {
  const transport = new PlainTransport(socket, where);
  const ourInit = kexInit(algorithms);
  transport.greet(OUR_VERSION);
  transport.send(ourInit);
  const version = await transport.version();
  const theirInit = await transport.packet();
  if (theirInit[0] !== MESSAGE.kexInit) throw transport.broken('it does not begin with a key exchange');
  const agreed = attempt(transport, () => negotiate(algorithms, theirInit));
  if (agreed.hostKeyAlgorithm === undefined || agreed.method === undefined) {
    transport.send(goodbye());
    throw nothingInCommon(where, agreed.hostKeyAlgorithm === undefined ? 'host key' : 'key exchange');
  }
  const exchange = startExchange(agreed.method, { ourVersion: OUR_VERSION, theirVersion: version, ourInit, theirInit });
  transport.send(exchange.request);
  if (agreed.dropNext) await transport.packet();
  const reply = await transport.packet();
  transport.send(goodbye());
  return attempt(transport, () => verify(where, version, agreed.hostKeyAlgorithm ?? '', exchange.finish(reply)));
}

/** The signature is made with the key of the agreed kind, or with the key that the certificate is for. */
function verify(where: string, version: string, algorithm: string, { hostKeyBlob, hash, signature }: ExchangeResult): ScanResult {
  const certified = isCertificateType(keyType(algorithm));
  if (new WireReader(hostKeyBlob).utf8() !== keyType(algorithm)) throw badSignature(where, 'its key is of another type than agreed');
  const certificate = certified ? decodeCertificate(hostKeyBlob) : undefined;
  const hostKey = certificate?.subject ?? decodePublicKey(hostKeyBlob);
  const signedWith = algorithm.endsWith(CERTIFICATE_SUFFIX) ? algorithm.slice(0, -CERTIFICATE_SUFFIX.length) : algorithm;
  if (new WireReader(signature).utf8() !== signedWith) throw badSignature(where, 'its signature is of another type than agreed');
  if (!verifySignature(hostKey, hash, signature)) throw badSignature(where, 'its signature does not fit its key');
  return { version, hostKey, hostKeyAlgorithm: algorithm, ...(certificate === undefined ? {} : { certificate }) };
}

/** RSA has two algorithms for one type of key: RFC 8332. */
function keyType(algorithm: string): string {
  return algorithm.replace(/^rsa-sha2-(256|512)/, 'ssh-rsa');
}

function attempt<T>(transport: PlainTransport, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof AppError && cause.code.startsWith('ssh/')) throw cause;
    // what the decoders, and OpenSSL, say about bytes that came from there
    throw transport.broken(cause instanceof Error ? printable(cause.message).slice(0, 200) : 'its answer makes no sense', cause);
  }
}

function goodbye(): Uint8Array {
  return new WireWriter().byte(MESSAGE.disconnect).uint32(BY_APPLICATION).string('scan done').string('').finish();
}

function badSignature(where: string, what: string): AppError {
  return new AppError('ssh/bad-exchange-signature', `${where} did not prove that it holds its host key: ${what}`, {
    exit: EXIT.hostsFailed,
    hint: 'somebody may be in between, or the server is broken: do not log in',
  });
}

function nothingInCommon(where: string, what: string): AppError {
  return new AppError('ssh/no-common-algorithm', `${where} has no ${what} algorithm that was asked for`, {
    exit: EXIT.hostsFailed,
    hint: what === 'host key' ? 'it has no key, or no certificate, of that kind' : 'its KexAlgorithms allow none that ensign knows',
  });
}

function tooSlow(where: string, timeoutMs: number): AppError {
  return new AppError('ssh/timeout', `${where} did not finish the key exchange within ${timeoutMs / 1000} s`, {
    exit: EXIT.unreachable,
    hint: 'the host is overloaded, or what answers there is no sshd',
  });
}
