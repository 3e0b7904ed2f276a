import { generateKeyPairSync } from 'node:crypto';
import { Secret } from '../base/secret.ts';
import type { Ca, KeyIdRequest } from '../ca/ca.ts';
import type { Issuer } from '../host/ports.ts';
import type { PublicKey } from '../wire/public-key.ts';

/**
 * The embedded CA behind the port that the change of a host uses. Certificates of one host are issued together: all or
 * none, in one transaction of the store. `profile`: by which they are.
 */
export function caIssuer(ca: Ca, operator: string, profile: string): Issuer {
  return {
    hostCertificates: (hostId, keys, names) => {
      const keyId: KeyIdRequest = { who: hostId, why: 'apply', reason: `apply by ${operator}` };
      return ca.issueAll(keys.map((subject) => ca.lint(ca.prepare({ profile, subject, principals: names, keyId, host: { id: hostId } }))));
    },
    proofCredential: async (hostId, principal) => {
      const pair = generateKeyPairSync('ed25519');
      const subject: PublicKey = { kind: 'ed25519', type: 'ssh-ed25519', point: Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url') };
      const { line } = await ca.issue(ca.lint(ca.prepare({ profile: 'proof', subject, principals: [principal], keyId: { who: operator, why: 'proof', reason: `proof of ${hostId}` } })));
      return { kind: 'certificate', privateKey: new Secret(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()), certificate: line };
    },
    conflicts: (hostId, names, keys) => ca.checkClaims(hostId, names, keys),
  };
}
