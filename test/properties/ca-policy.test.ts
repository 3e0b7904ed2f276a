import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatKeyId, parseKeyId, whoProblem } from '../../src/ca/key-id.ts';
import { patternAllows, patternProblem } from '../../src/ca/principal-pattern.ts';
import { hostNameProblem, userPrincipalProblem } from '../../src/ca/principal-syntax.ts';
import { defineProfile } from '../../src/ca/profile.ts';
import { lintCandidate, RefusedError } from '../../src/ca/ticket.ts';
import { decodeCertificate, encodeCertificate, encodeToBeSigned } from '../../src/wire/certificate.ts';
import { hostRequest, NOW, TestCa, userRequest } from '../support/test-ca.ts';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?$/).filter((l) => !/^\d+$|^0x/.test(l));
const domain = fc.array(label, { minLength: 2, maxLength: 3 }).map((labels) => labels.join('.'));
const anyText = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 10 }), fc.string({ unit: fc.constantFrom('a', '-', '.', '/', ',', '*', ' ', '\n', '"', ':', '[', ']', '0'), maxLength: 12 }));

describe('attack row 16: *.domain', () => {
  it('allows names below it at any depth, and nothing else', () => {
    fc.assert(
      fc.property(domain, fc.array(label, { minLength: 1, maxLength: 3 }), label, (base, below, other) => {
        const pattern = `*.${base}`;
        expect(patternProblem('host', pattern)).toBeUndefined();
        expect(patternAllows('host', pattern, [...below, base].join('.'))).toBe(true);
        expect(patternAllows('host', pattern, [...below, base].join('.').toUpperCase())).toBe(true);
        expect(patternAllows('host', pattern, base)).toBe(false);
        expect(patternAllows('host', pattern, `.${base}`)).toBe(false);
        expect(patternAllows('host', pattern, `${other}${base}`)).toBe(false);
        expect(patternAllows('host', pattern, `${other}.${base}.${other}`)).toBe(`${other}.${base}.${other}`.endsWith(`.${base}`));
      }),
    );
  });
  it('the examples of the row, and addresses', () => {
    const allowed = (name: string): boolean => patternAllows('host', '*.acme.com', name);
    expect([allowed('a.b.acme.com'), allowed('a.acme.com'), allowed('acme.com'), allowed('evilacme.com'), allowed('acme.com.evil.org')]).toEqual([true, true, false, false, false]);
    // row S0-19, S0-20: an address is only ever allowed as itself, or by *
    expect([patternAllows('host', '*.0.0.1', '10.0.0.1'), patternAllows('host', '10.0.0.1', '10.0.0.1'), patternAllows('host', '2001:db8::1', '2001:DB8::1'), patternAllows('host', '*', '2001:db8::1')]).toEqual([false, true, true, true]);
  });
  it('of a literal allows that literal alone', () => {
    fc.assert(
      fc.property(domain, domain, anyText, anyText, (a, b, c, d) => {
        expect(patternAllows('host', a, b)).toBe(a === b);
        expect(patternAllows('host', a, a)).toBe(true);
        const literal = c.replaceAll('*', '');
        expect(patternAllows('user', literal, d)).toBe(literal === d);
        expect(patternAllows('user', literal, literal)).toBe(true);
      }),
    );
  });
});

// rows S0-14 to S0-16
it('scope/* allows that scope alone', () => {
  fc.assert(
    fc.property(label, label, label, (scope, other, name) => {
      const pattern = `${scope}/*`;
      expect(patternAllows('user', pattern, `${scope}/${name}`)).toBe(true);
      expect(patternAllows('user', pattern, `${scope}/`)).toBe(false);
      expect(patternAllows('user', pattern, scope)).toBe(false);
      expect(patternAllows('user', pattern, `${scope}${other}/${name}`)).toBe(false);
      expect(patternAllows('user', pattern, `${other}/${scope}/${name}`)).toBe(other === scope);
    }),
  );
});

describe('attack row 8: whatever is taken is one harmless word', () => {
  it('for people', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        if (userPrincipalProblem(text) === undefined) expect(text).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_.@+=:/-]{0,127}$/);
      }),
      { numRuns: 2000 },
    );
  });
  it('for hosts', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        if (hostNameProblem(text) === undefined) expect(text).toMatch(/^[a-z0-9_:][a-z0-9_.:-]{0,252}$/);
      }),
      { numRuns: 2000 },
    );
  });
});

it('a key id is one word for the log, and comes apart again', () => {
  fc.assert(
    fc.property(anyText, fc.string({ minLength: 1 }), fc.stringMatching(/^[0-9a-f]{12}$/), (who, why, requestId) => {
      const keyId = formatKeyId(who, why, requestId);
      const parsed = parseKeyId(keyId);
      if (whoProblem(who) !== undefined || parsed === undefined) return;
      expect(keyId).toMatch(/^[\x21-\x7e]+$/);
      expect(parsed).toMatchObject({ who, requestId });
    }),
  );
  expect(parseKeyId(formatKeyId('spiffe://a/b', 'Ca Sign!', 'abc'))).toEqual({ who: 'spiffe://a/b', why: 'ca-sign', requestId: 'abc' });
});

// one mistake hides the others: most of a request is sound, or nothing would ever get to the last rule
function mostly(sound: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 8, arbitrary: sound }, anyText);
}

describe('lint', () => {
  let test: TestCa;
  beforeAll(async () => {
    test = await TestCa.make();
  });
  afterAll(() => test.remove());

  it('lets nothing pass that breaks its promises, whatever is asked for', () => {
    const context = { nowSeconds: NOW, authorities: Object.values(test.authorities) };
    const request = fc.record({
      host: fc.boolean(),
      principals: fc.array(mostly(fc.constantFrom('staging/sre', 'web-01', 'a.example.com', '10.0.0.1')), { maxLength: 4 }),
      ttl: fc.oneof(fc.integer({ min: -10, max: 200 * 86_400 }), { weight: 3, arbitrary: fc.constantFrom(300, 3600, 86_400) }),
      who: mostly(fc.constant('alice')),
      option: fc.option(fc.record({ name: mostly(fc.constantFrom('force-command', 'source-address', 'permit-pty')), value: mostly(fc.constantFrom('10.0.0.0/8', 'uptime', '')) }), { nil: undefined, freq: 2 }),
    });
    let passed = 0;
    fc.assert(
      fc.property(request, ({ host, principals, ttl, who, option }) => {
        const changes = { principals, ttl, keyId: { who, why: 'test' }, criticalOptions: option === undefined ? [] : [option] };
        const candidate = test.ca.prepare(host ? hostRequest(changes) : userRequest(changes));
        try {
          lintCandidate(candidate, context);
        } catch (error) {
          expect(error).toBeInstanceOf(RefusedError);
          return;
        }
        passed++;
        const { fields } = candidate;
        expect(fields.principals.length).toBeGreaterThan(0);
        for (const principal of fields.principals) expect(principal).toMatch(/^[A-Za-z0-9_:][A-Za-z0-9_.@+=:/-]*$/);
        expect(ttl).toBeGreaterThanOrEqual(300);
        expect(ttl).toBeLessThanOrEqual(host ? 90 * 86_400 : 86_400);
        if (host) expect(fields.criticalOptions).toEqual([]);
        // and it is a certificate that the strict decoder takes
        const signature = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 64]), Buffer.alloc(64)]);
        const decoded = decodeCertificate(encodeCertificate(fields, signature));
        expect(encodeToBeSigned(decoded)).toEqual(encodeToBeSigned(fields));
      }),
      { numRuns: 1500 },
    );
    // some 180 of them: without any, nothing was tried
    expect(passed).toBeGreaterThan(100);
  });
});

// row S0-13
it('the name of a profile is a slug of 1 to 36', () => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.stringMatching(/^[a-z0-9-]{1,40}$/)), (name) => {
      const taken = (): unknown => defineProfile(name, { type: 'user' });
      if (/^[a-z0-9]([a-z0-9-]{0,34}[a-z0-9])?$/.test(name)) expect(taken).not.toThrow();
      else expect(taken).toThrow(expect.objectContaining({ code: 'ca/bad-profile' }));
    }),
  );
});
