import type { LintRule } from './rule.ts';

export const nonce: LintRule = {
  name: 'nonce',
  source: 'PROTOCOL.certkeys "nonce": 16 or 32 random bytes, against chosen-prefix collisions of the hash',
  check({ fields }) {
    if (fields.nonce.length < 16 || fields.nonce.length > 64) return ['its nonce is not 16 to 64 bytes long'];
    return fields.nonce.every((byte) => byte === fields.nonce[0]) ? ['its nonce is not random'] : [];
  },
};
