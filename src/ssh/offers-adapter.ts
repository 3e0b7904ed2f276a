import { AppError, usageError } from '../base/errors.ts';
import { decodeCertificate, encodeCertificate, isCertificateType, parseCertificateLine, type Certificate } from '../wire/certificate.ts';
import { decodePublicKey, encodePublicKey, fingerprint, samePublicKey, type PublicKey } from '../wire/public-key.ts';
import { WireReader } from '../wire/reader.ts';
import { listAgent, signWithAgent } from './agent-adapter.ts';
import { isEncryptedKeyFile, loadKeyFile, parsePrivateKey, readPublicHalf, type LocalKey } from './key-file-adapter.ts';
import type { KeyMemory } from './key-memory.ts';
import { inOrder, type Offer, type Ranked } from './offer.ts';
import type { Credential } from './session.ts';

/** What the credentials have to offer, in order and without repeats, and those that could not be used. */
export interface Offers {
  readonly offers: readonly Offer[];
  readonly problems: readonly AppError[];
}

type AgentCredential = Extract<Credential, { kind: 'agent' }>;
type KeyCredential = Extract<Credential, { kind: 'key' }>;

/** Does something that may fail; a failure is noted, and nothing comes of it. */
type Attempt = <T>(work: () => readonly T[] | Promise<readonly T[]>) => Promise<readonly T[]>;

/** A key or certificate in an agent. */
interface Held {
  readonly credential: AgentCredential;
  readonly blob: Uint8Array;
  readonly key: PublicKey;
  readonly certificate: Certificate | undefined;
  readonly label: string;
}

/**
 * Opens the credentials. One that cannot be used is a problem, not an error: another may do. Where key files are named
 * as well as an agent, the agent offers those keys only, as with `IdentitiesOnly` in ssh_config (sshd counts attempts);
 * a file whose key the agent holds needs no passphrase. What is offered first: what opened other hosts before, then
 * certificates that are valid now, then the keys that were named, then the others; expired certificates at the end.
 */
export async function openCredentials(credentials: readonly Credential[]): Promise<Offers> {
  const problems: AppError[] = [];
  const attempt: Attempt = async (work) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      problems.push(error);
      return [];
    }
  };
  const held: Held[] = [];
  for (const credential of credentials) if (credential.kind === 'agent') held.push(...(await attempt(() => heldBy(credential))));
  const named = credentials.some((credential) => credential.kind === 'key' && credential.usual !== true);
  const offers: Ranked[] = [];
  for (const credential of credentials) {
    if (credential.kind === 'agent' && !named) offers.push(...(await agentOffers(credential, held)));
    if (credential.kind === 'key') offers.push(...(await keyOffers(credential, held, attempt)));
    if (credential.kind === 'certificate') offers.push(...(await attempt(() => certificateOffers(credential))));
  }
  return { offers: inOrder(offers, Math.floor(Date.now() / 1000)), problems };
}

async function heldBy(credential: AgentCredential): Promise<Held[]> {
  return (await listAgent(credential.socket)).flatMap(({ blob, comment }): Held[] => {
    try {
      const certificate = isCertificateType(new WireReader(blob).utf8()) ? decodeCertificate(blob) : undefined;
      const key = certificate?.subject ?? decodePublicKey(blob);
      const what = certificate === undefined ? 'agent' : 'certificate in the agent';
      return [{ credential, blob, key, certificate, label: `${fingerprint(key)} (${what}${comment === '' ? '' : `: ${JSON.stringify(comment)}`})` }];
    } catch {
      // an agent may hold what we cannot read; the rest of its keys are as good as ever
      return [];
    }
  });
}

async function agentOffers(credential: AgentCredential, held: readonly Held[]): Promise<Ranked[]> {
  const preferred = await Promise.all((credential.prefer ?? []).map(readPublicHalf));
  return held.filter((one) => one.credential === credential).map((one) => fromAgent(one, preferred.some((key) => key !== undefined && samePublicKey(key, one.key))));
}

/** A named key: certificates for it, then itself; signed by the agent where that holds it. */
async function keyOffers(credential: KeyCredential, held: readonly Held[], attempt: Attempt): Promise<Ranked[]> {
  const half = await readPublicHalf(credential.path);
  const ours = half === undefined ? [] : held.filter((one) => samePublicKey(one.key, half));
  const [plain] = ours.filter((one) => one.certificate === undefined);
  const [signer] = plain === undefined ? await attempt(async () => [await fileSigner(credential, half)]) : [agentSigner(plain)];
  const offers = ours.map((one) => fromAgent(one, true));
  if (signer === undefined) return offers;
  const { certificate: line, memory } = credential;
  const label = fingerprint(signer.publicKey);
  const certified = line === undefined ? [] : await attempt(() => [certificateFor(signer.publicKey, line)]);
  for (const certificate of certified) {
    const blob = encodeCertificate(certificate, certificate.signature);
    offers.push(ranked(offerOf(blob, `${label} (certificate ${JSON.stringify(certificate.keyId)})`, signer.sign, memory), certificate, memory));
  }
  if (plain === undefined) offers.push(ranked(offerOf(encodePublicKey(signer.publicKey), `${label} (${credential.path})`, signer.sign, memory), undefined, memory));
  return offers;
}

interface Signer {
  readonly publicKey: PublicKey;
  readonly sign: Offer['sign'];
}

function agentSigner({ credential: { socket }, blob, key }: Held): Signer {
  return { publicKey: key, sign: (data) => signWithAgent(socket, blob, data) };
}

/** The key of a file. Where its public half is known, an encrypted one is opened only when a host wants it. */
async function fileSigner({ path, passphrase }: KeyCredential, half: PublicKey | undefined): Promise<Signer> {
  if (half !== undefined && typeof passphrase === 'function' && (await isEncryptedKeyFile(path))) {
    return { publicKey: half, sign: async (data) => sameHalf(await loadKeyFile(path, await passphrase()), half, path).sign(data) };
  }
  const asked = typeof passphrase === 'function' ? ((await isEncryptedKeyFile(path)) ? await passphrase() : undefined) : passphrase;
  const key = await loadKeyFile(path, asked);
  // async, so that a key that cannot sign is a refused promise too
  return { publicKey: key.publicKey, sign: async (data) => Promise.resolve(key.sign(data)) };
}

function sameHalf(key: LocalKey, half: PublicKey, path: string): LocalKey {
  if (samePublicKey(key.publicKey, half)) return key;
  throw usageError('ssh/key-unreadable', `${path}.pub is not the public half of ${path}`, { hint: `write it anew: ssh-keygen -y -f ${path} >${path}.pub` });
}

function certificateOffers(credential: Extract<Credential, { kind: 'certificate' }>): Ranked[] {
  const key = parsePrivateKey(credential.privateKey.reveal(), 'of the certificate');
  const certificate = certificateFor(key.publicKey, credential.certificate);
  const label = `${fingerprint(key.publicKey)} (certificate ${JSON.stringify(certificate.keyId)})`;
  return [ranked(offerOf(encodeCertificate(certificate, certificate.signature), label, async (data) => Promise.resolve(key.sign(data)), undefined), certificate, undefined)];
}

function certificateFor(key: PublicKey, line: string): Certificate {
  const { certificate } = parseCertificateLine(line);
  if (samePublicKey(certificate.subject, key)) return certificate;
  throw usageError('ssh/certificate-mismatch', 'the certificate is not for the private key given with it', {
    hint: `the certificate is for ${fingerprint(certificate.subject)}, the key is ${fingerprint(key)}`,
  });
}

function fromAgent({ credential: { socket, memory }, blob, certificate, label }: Held, preferred: boolean): Ranked {
  return { ...ranked(offerOf(blob, label, (data) => signWithAgent(socket, blob, data), memory), certificate, memory), preferred };
}

function ranked(offer: Offer, certificate: Certificate | undefined, memory: KeyMemory | undefined): Ranked {
  return { offer, certificate, preferred: true, times: memory?.times(offer.blob) ?? 0 };
}

function offerOf(blob: Uint8Array, label: string, sign: Offer['sign'], memory: KeyMemory | undefined): Offer {
  return { algorithm: loginAlgorithm(new WireReader(blob).utf8()), blob, label, sign, worked: () => memory?.remember(blob) };
}

/** RSA keys have one type but several algorithms; SHA-1, which bears the type's own name, is not used: RFC 8332. */
function loginAlgorithm(type: string): string {
  if (type === 'ssh-rsa') return 'rsa-sha2-512';
  return type === 'ssh-rsa-cert-v01@openssh.com' ? 'rsa-sha2-512-cert-v01@openssh.com' : type;
}
