import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { parseDuration } from '../base/duration.ts';
import { isPlainText } from '../base/text.ts';
import { hostNameProblem, loginProblem, PATTERNS, principalProblem, wordProblem } from './names.ts';
import { type Problem, quoted } from './problem.ts';

const SHORTEST_CONNECT = 1;
const LONGEST_CONNECT = 300;
const MOST_AT_ONCE = 200;
// as the authority names them
const PROFILE = /^[a-z0-9](?:[a-z0-9-]{0,34}[a-z0-9])?$/;

export const port = z
  .number({ error: 'expected a port from 1 to 65535, as a number without quotes' })
  .superRefine(checked((value: number) => (Number.isInteger(value) && value >= 1 && value <= 65_535 ? undefined : badPort(value))))
  .meta({ type: 'integer', minimum: 1, maximum: 65_535, description: 'Where sshd listens. Default 22.' });

export const hostName = text('a name or address', hostNameProblem, PATTERNS.hostName);
export const login = text('a login name', loginProblem, PATTERNS.login);
export const principal = text('a principal', principalProblem, PATTERNS.principal);
export const environmentName = text('the name of the environment', (name) => wordProblem(name, 'environment'), PATTERNS.word);
export const groupName = text('the name of a group', (name) => wordProblem(name, 'group'), PATTERNS.word);
export const fingerprint = text('a fingerprint', fingerprintProblem, '^SHA256:[A-Za-z0-9+/]{43}$');
export const identityFile = text('the path of a private key', identityFileProblem, '^(~/|/)');
export const profile = text('the name of a profile', profileProblem, PROFILE.source);
export const agent = z
  .boolean({ error: 'expected true or false' })
  .meta({ description: 'Use your ssh-agent: all its keys, or beside identityFile that one key only. Default true.' });
export const firstContact = z
  .enum(['known-hosts', 'pinned', 'accept-new'], { error: 'expected known-hosts, pinned or accept-new' })
  .meta({ description: 'How the host key is trusted before the host has a certificate: it is in known_hosts (default), its fingerprint stands in hostKey, or the first one seen is accepted and reported.' });
export const concurrency = z
  .number({ error: 'expected a whole number from 1 to 200, without quotes' })
  .superRefine(checked((value: number) => (Number.isInteger(value) && value >= 1 && value <= MOST_AT_ONCE ? undefined : badConcurrency(value))))
  .meta({ type: 'integer', minimum: 1, maximum: MOST_AT_ONCE, description: 'How many hosts of this group, and of the groups within it, are worked on at once.' });
export const connectTimeout = text('a duration like 10s', connectTimeoutProblem, '^([0-9]+[smhdwy])+$');

/** A list of texts in which none stands twice. */
export function listOf(item: z.ZodString, what: string): z.ZodArray<z.ZodString> {
  return z
    .array(item, { error: `expected a list of ${what}, like [one, two]` })
    .superRefine((values, context) => {
      const seen = new Set<string>();
      values.forEach((value, i) => {
        if (seen.size < seen.add(value).size) return;
        context.addIssue({ code: 'custom', path: [i], message: `${quoted(value)} stands in this list twice`, params: { code: 'inventory/duplicate-item', hint: 'remove one of them' } });
      });
    })
    .meta({ uniqueItems: true });
}

/** How a check hands its problem to zod; schema.ts reads `params` back. */
function checked<T>(check: (value: T) => Problem | undefined): (value: T, context: z.RefinementCtx) => void {
  return (value, context) => {
    const problem = check(value);
    if (problem === undefined) return;
    context.addIssue({ code: 'custom', message: problem.message, params: { code: problem.code, hint: problem.hint } });
  };
}

/** A checked text. `pattern` is for editors only: the check decides, and says more than that a pattern does not match. */
export function text(what: string, check: (value: string) => Problem | undefined, pattern: string): z.ZodString {
  return z.string({ error: `expected ${what}` }).superRefine(checked(check)).meta({ pattern });
}

function badPort(value: number): Problem {
  return { code: 'inventory/bad-port', message: `${value} is not a port`, hint: 'expected a whole number from 1 to 65535' };
}

function badConcurrency(value: number): Problem {
  return { code: 'inventory/bad-concurrency', message: `${value} is not a number of hosts at once`, hint: `expected a whole number from 1 to ${MOST_AT_ONCE}` };
}

function profileProblem(value: string): Problem | undefined {
  if (PROFILE.test(value)) return undefined;
  return { code: 'inventory/bad-profile', message: `${quoted(value)} is not the name of a profile`, hint: 'expected 1 to 36 of a-z, 0-9 and inner dashes, as under profiles: in ensign.yaml' };
}

function fingerprintProblem(value: string): Problem | undefined {
  const digest = /^SHA256:([A-Za-z0-9+/]{43})$/.exec(value)?.[1];
  // the last of 43 characters holds four bits; another spelling of the same digest would never compare equal
  if (digest !== undefined && Buffer.from(digest, 'base64').toString('base64').startsWith(digest)) return undefined;
  return {
    code: 'inventory/bad-fingerprint',
    message: `${quoted(value)} is not the fingerprint of a key`,
    hint: 'expected SHA256: and 43 characters, as "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" prints on the host',
  };
}

function identityFileProblem(path: string): Problem | undefined {
  const bad = (what: string): Problem => ({ code: 'inventory/bad-path', message: `${quoted(path)} ${what}`, hint: 'expected an absolute path, or one that starts with ~/' });
  if (!isPlainText(path)) return bad('has characters that do not print');
  const rest = path.startsWith('~/') ? path.slice(1) : path;
  if (!isAbsolute(rest)) return bad('depends on the folder that ensign is started in');
  if (rest.split('/').includes('..')) return bad('goes upwards with ..');
  return rest.endsWith('/') ? bad('is a folder') : undefined;
}

function connectTimeoutProblem(value: string): Problem | undefined {
  try {
    const seconds = parseDuration(value);
    if (seconds >= SHORTEST_CONNECT && seconds <= LONGEST_CONNECT) return undefined;
  } catch {
    // said below, together with the limits
  }
  return { code: 'inventory/bad-duration', message: `${quoted(value)} is not a time to wait for a connection`, hint: 'expected a duration with its unit from 1s to 5m, like 10s' };
}
