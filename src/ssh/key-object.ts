import type { KeyObject } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import { CURVES, type Curve } from '../wire/curves.ts';
import { decodePublicKey, type PublicKey } from '../wire/public-key.ts';
import { WireWriter } from '../wire/writer.ts';

/**
 * node:crypto's public key as an SSH key: RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4.
 * @throws AppError `ssh/key-unreadable` for kinds of keys that SSH does not know
 */
export function publicKeyOf(key: KeyObject): PublicKey {
  const { kty, crv, x, y, e, n } = key.export({ format: 'jwk' });
  const curve = kty === 'EC' ? curveOf(crv) : undefined;
  const writer = new WireWriter();
  if (kty === 'OKP' && crv === 'Ed25519') writer.string('ssh-ed25519').string(bytes(x));
  else if (kty === 'RSA') writer.string('ssh-rsa').mpint(bytes(e)).mpint(bytes(n));
  else if (curve !== undefined) {
    writer.string(`ecdsa-sha2-${curve}`).string(curve).string(Buffer.concat([Buffer.of(4), bytes(x), bytes(y)]));
  } else throw new AppError('ssh/key-unreadable', `SSH has no keys of kind ${crv ?? kty ?? 'unknown'}`);
  return decodePublicKey(writer.finish());
}

function curveOf(crv: string | undefined): Curve | undefined {
  return (Object.keys(CURVES) as Curve[]).find((curve) => CURVES[curve].jwk === crv);
}

function bytes(base64url: string | undefined): Buffer {
  return Buffer.from(base64url ?? '', 'base64url');
}
