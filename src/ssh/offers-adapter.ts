import { AppError, usageError } from '../base/errors.ts';
import { decodeCertificate, encodeCertificate, isCertificateType, parseCertificateLine } from '../wire/certificate.ts';
import { decodePublicKey, encodePublicKey, fingerprint, samePublicKey, type PublicKey } from '../wire/public-key.ts';
import { WireReader } from '../wire/reader.ts';
import { listAgent, signWithAgent } from './agent-adapter.ts';
import { loadKeyFile, parsePrivateKey, readPublicHalf, type LocalKey } from './key-file-adapter.ts';
import type { Credential } from './session.ts';

/** One key or certificate that a login can offer: RFC 4252 section 7. */
export interface Offer {
  /** The public key algorithm of the request, `rsa-sha2-512-cert-v01@openssh.com` for example. */
  readonly algorithm: string;
  /** The key or certificate itself. */
  readonly blob: Uint8Array;
  /** For messages: fingerprint and where the key is from. */
  readonly label: string;
  /** Gives an SSH signature blob. */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** What the credentials have to offer, in order and without repeats, and those that could not be used. */
export interface Offers {
  readonly offers: readonly Offer[];
  readonly problems: readonly AppError[];
}

/**
 * Opens the credentials. One that cannot be used is a problem, not an error: another may do. Where key files are named
 * as well as an agent, the agent offers those keys only, as with `IdentitiesOnly` in ssh_config (sshd counts attempts);
 * a file whose key the agent holds needs no passphrase.
 */
export async function openCredentials(credentials: readonly Credential[]): Promise<Offers> {
  const offers: Offer[] = [];
  const problems: AppError[] = [];
  const wanted = await namedKeys(credentials);
  for (const credential of credentials) {
    try {
      offers.push(...(await open(credential, wanted, offers)));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      problems.push(error);
    }
  }
  return { offers: offers.filter((offer, i) => offers.findIndex((o) => sameBytes(o.blob, offer.blob)) === i), problems };
}

/** The key files, and their public halves as far as they are known. */
async function namedKeys(credentials: readonly Credential[]): Promise<Map<string, PublicKey | undefined>> {
  const keys = new Map<string, PublicKey | undefined>();
  for (const credential of credentials) {
    if (credential.kind === 'key') keys.set(credential.path, await readPublicHalf(credential.path));
  }
  return keys;
}

async function open(credential: Credential, named: ReadonlyMap<string, PublicKey | undefined>, before: readonly Offer[]): Promise<Offer[]> {
  switch (credential.kind) {
    case 'agent': {
      const wanted = (key: PublicKey): boolean => named.size === 0 || [...named.values()].some((name) => name !== undefined && samePublicKey(name, key));
      return (await listAgent(credential.socket)).flatMap(({ blob, comment }) => agentOffer(credential.socket, blob, comment, wanted));
    }
    case 'key': {
      const known = named.get(credential.path);
      if (known !== undefined && before.some((offer) => sameBytes(offer.blob, encodePublicKey(known)))) return [];
      const key = await loadKeyFile(credential.path, credential.passphrase);
      const label = `${fingerprint(key.publicKey)} (${credential.path})`;
      return [localOffer(key, encodePublicKey(key.publicKey), label)];
    }
    case 'certificate':
      return [certificateOffer(credential)];
  }
}

function agentOffer(socket: string, blob: Uint8Array, comment: string, wanted: (key: PublicKey) => boolean): Offer[] {
  try {
    const type = new WireReader(blob).utf8();
    const key = isCertificateType(type) ? decodeCertificate(blob).subject : decodePublicKey(blob);
    if (!wanted(key)) return [];
    const what = isCertificateType(type) ? 'certificate in the agent' : 'agent';
    const label = `${fingerprint(key)} (${what}${comment === '' ? '' : `: ${JSON.stringify(comment)}`})`;
    return [{ algorithm: loginAlgorithm(type), blob, label, sign: (data) => signWithAgent(socket, blob, data) }];
  } catch {
    // an agent may hold what we cannot read; the rest of its keys are as good as ever
    return [];
  }
}

function certificateOffer(credential: Extract<Credential, { kind: 'certificate' }>): Offer {
  const { certificate } = parseCertificateLine(credential.certificate);
  const key = parsePrivateKey(credential.privateKey.reveal(), 'of the certificate');
  if (!samePublicKey(certificate.subject, key.publicKey)) {
    throw usageError('ssh/certificate-mismatch', 'the certificate is not for the private key given with it', {
      hint: `the certificate is for ${fingerprint(certificate.subject)}, the key is ${fingerprint(key.publicKey)}`,
    });
  }
  const label = `${fingerprint(key.publicKey)} (certificate ${JSON.stringify(certificate.keyId)})`;
  return localOffer(key, encodeCertificate(certificate, certificate.signature), label);
}

function localOffer(key: LocalKey, blob: Uint8Array, label: string): Offer {
  const algorithm = loginAlgorithm(new WireReader(blob).utf8());
  // async, so that a key that cannot sign is a refused promise too
  return { algorithm, blob, label, sign: async (data) => Promise.resolve(key.sign(data)) };
}

/** RSA keys have one type but several algorithms; SHA-1, which bears the type's own name, is not used: RFC 8332. */
function loginAlgorithm(type: string): string {
  if (type === 'ssh-rsa') return 'rsa-sha2-512';
  return type === 'ssh-rsa-cert-v01@openssh.com' ? 'rsa-sha2-512-cert-v01@openssh.com' : type;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
