export type Curve = 'nistp256' | 'nistp384' | 'nistp521';

interface CurveParameters {
  /** Bytes of one coordinate. */
  readonly size: number;
  /** The hash that RFC 5656 section 6.2.1 pairs with the curve. */
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly jwk: 'P-256' | 'P-384' | 'P-521';
  readonly p: bigint;
  readonly b: bigint;
}

/** The NIST curves of RFC 5656; p and b from FIPS 186-4 D.1.2. */
export const CURVES: Readonly<Record<Curve, CurveParameters>> = {
  nistp256: {
    size: 32,
    hash: 'sha256',
    jwk: 'P-256',
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  nistp384: {
    size: 48,
    hash: 'sha384',
    jwk: 'P-384',
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  nistp521: {
    size: 66,
    hash: 'sha512',
    jwk: 'P-521',
    p: 2n ** 521n - 1n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
};

/**
 * True for an uncompressed point that lies on the curve. The curves have cofactor 1, so this is the whole check of
 * SEC 1 section 3.2.2.1; OpenSSH makes it on every key it reads.
 */
export function isPointOnCurve(curve: Curve, point: Uint8Array): boolean {
  const { size, p, b } = CURVES[curve];
  if (point.length !== 1 + 2 * size || point[0] !== 4) return false;
  const x = toBigInt(point.subarray(1, 1 + size));
  const y = toBigInt(point.subarray(1 + size));
  return x < p && y < p && (y * y - (x * x * x - 3n * x + b)) % p === 0n;
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`);
}
