import { z } from 'zod';
import { hostNameProblem, loginProblem, PATTERNS } from './names.ts';
import { type Problem, quoted } from './problem.ts';
import { agent, connectTimeout, fingerprint, firstContact, hostName, identityFile, login, port, text } from './values.ts';

/** One jump host as the file says it, before hosts of the inventory are looked up. */
export type JumpEntry = z.infer<typeof mapping>;

/** Takes back the jump hosts of a wider setting; as in ssh_config(5). */
const NONE = 'none';
const WANTED = 'expected user@host:port, as in bastion.example.com, ops@bastion.example.com:2222 or ops@[2001:db8::1]:2222';
const PATTERN = `^(${PATTERNS.login.slice(1, -1)}@)?(\\[[0-9a-f:.]+\\]|[a-z0-9_][a-z0-9_.-]*)(:[0-9]{1,5})?$`;

const mapping = z
  .strictObject(
    {
      address: hostName.meta({ description: 'Name or address of the jump host. A name of a host of this inventory brings its settings along.' }),
      user: login.meta({ description: 'Login on the jump host.' }).optional(),
      port: port.optional(),
      identityFile: identityFile.meta({ description: 'Private key for the jump host: an absolute path, or ~/...' }).optional(),
      agent: agent.optional(),
      firstContact: firstContact.optional(),
      hostKey: fingerprint.meta({ description: 'SHA256:... of the one host key of the jump host to trust.' }).optional(),
      connectTimeout: connectTimeout.meta({ description: 'How long the connection to the jump host may take, 1s to 5m.' }).optional(),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? 'expected keys with values' : undefined) },
  )
  .meta({ description: 'A jump host with settings of its own.' });

const hopText = text('user@host:port', hopProblem, PATTERN).meta({ description: 'A jump host: [user@]host[:port], an IPv6 address in brackets.' });
const oneText = text('user@host:port', (value) => (value === NONE ? undefined : hopProblem(value)), PATTERN).meta({
  description: 'The one jump host: [user@]host[:port], an IPv6 address in brackets. none takes back what a group or defaults say.',
});
const hop = z.union([hopText, mapping], { error: 'expected user@host:port, or keys with values' });

/** The setting `jump` in its three forms; its value is a list, the jump host nearest to the operator first. */
export const jump = z
  .union([oneText, mapping, z.array(hop).meta({ description: 'Several jump hosts, the one nearest to you first. [] takes back what a group or defaults say.' })], {
    error: 'expected user@host:port, a list of them, or none',
  })
  .meta({ description: 'Jump hosts on the way to the host. A host of this inventory brings its own settings, and its own jump hosts.' })
  .transform((value): readonly JumpEntry[] => {
    if (value === NONE) return [];
    return (Array.isArray(value) ? value : [value]).map((one) => (typeof one === 'string' ? entryOf(one) : one));
  });

export const JUMP_KEYS = Object.keys(mapping.shape);

/** `[user@]host[:port]` in its parts, or what is wrong with it. */
export function parseJump(written: string): JumpEntry | { readonly problem: Problem } {
  const bad = (what: string, hint: string): { problem: Problem } => ({ problem: { code: 'inventory/bad-jump', message: `jump ${quoted(written)} ${what}`, hint } });
  if (written === NONE) return bad('stands among others', 'none takes back all jump hosts: write it alone, "jump: none"');
  if (written.includes(',')) return bad('has a comma', 'write several jump hosts as a list, the nearest to you first: [one, two]');
  if (written.includes('://')) return bad('is a URL', WANTED);
  const [, user, inBrackets, plain, after] = /^(?:([^@]*)@)?(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(written) ?? [];
  const address = inBrackets ?? plain;
  if (/:.*:/.test(written) && inBrackets === undefined) return bad('has several colons', 'write an IPv6 address in brackets: [2001:db8::1] or [2001:db8::1]:2222');
  if (address === undefined || address === '') return bad('names no host', WANTED);
  if (inBrackets !== undefined && !inBrackets.includes(':')) return bad('has brackets around what is no IPv6 address', `write ${address} without them`);
  const problem = (user === undefined ? undefined : loginProblem(user)) ?? hostNameProblem(address);
  if (problem !== undefined) return { problem };
  if (after !== undefined && (!/^[1-9]\d{0,4}$/.test(after) || Number(after) > 65_535)) return bad(`has ${quoted(after)} for a port`, 'expected a whole number from 1 to 65535 behind the colon');
  return { address, ...(user === undefined ? {} : { user }), ...(after === undefined ? {} : { port: Number(after) }) };
}

function hopProblem(value: string): Problem | undefined {
  const parsed = parseJump(value);
  return 'problem' in parsed ? parsed.problem : undefined;
}

// refused texts never get here: their schema has failed by then
function entryOf(value: string): JumpEntry {
  const parsed = parseJump(value);
  return 'problem' in parsed ? { address: value } : parsed;
}
