import { SPECIALITIES, type Speciality } from './openssh-config.ts';

/** What ssh_config says about one host, as far as ensign goes by it. Absent where it says nothing. */
export interface SshConfig {
  readonly hostName: string;
  readonly port: number;
  readonly user?: string;
  /** With their tokens expanded; the files that ssh takes when nothing is said are not among them. */
  readonly identityFiles: readonly string[];
  /** A socket, or `none`. */
  readonly identityAgent?: string;
  /** As in ssh_config: `[user@]host[:port]`, the nearest first. */
  readonly proxyJump: readonly string[];
  /** With its tokens still in it. */
  readonly proxyCommand?: string;
  readonly proxyUseFdpass: boolean;
  /** Seconds. */
  readonly connectTimeout?: number;
  readonly specialities: readonly Speciality[];
}

/** Who asks: what tokens stand for that are not in the output itself. */
export interface SshConfigContext {
  /** The name that ssh was asked about. */
  readonly name: string;
  readonly home: string;
  readonly localUser: string;
}

// ssh(1), -i: what is tried when no IdentityFile is given; readconf.c adds to it with time
const USUAL_IDENTITY = /^~\/\.ssh\/id_[a-z0-9_]+$/;

/**
 * Reads what `ssh -G` prints: one keyword and its value a line, keywords in lower case (in older versions not all).
 * Undefined when it is not the output of `ssh -G`: without a host name or a port.
 */
export function parseSshConfig(text: string, context: SshConfigContext): SshConfig | undefined {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, keyword, value] = /^(\S+) (.*)$/.exec(line.replace(/\r$/, '')) ?? [];
    if (keyword === undefined || value === undefined) continue;
    const list = values.get(keyword.toLowerCase());
    if (list === undefined) values.set(keyword.toLowerCase(), [value]);
    else list.push(value);
  }
  const one = (keyword: string): string | undefined => {
    const value = values.get(keyword)?.[0];
    return value === undefined || value === '' || value === 'none' ? undefined : value;
  };
  const hostName = one('hostname');
  const port = Number(one('port'));
  if (hostName === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const user = one('user');
  const tokens = { h: hostName, n: context.name, p: `${port}`, r: user ?? context.localUser, u: context.localUser, d: context.home };
  const identityAgent = values.get('identityagent')?.[0];
  const proxyCommand = one('proxycommand');
  const timeout = Number(one('connecttimeout'));
  return {
    hostName,
    port,
    ...(user === undefined ? {} : { user }),
    identityFiles: (values.get('identityfile') ?? []).filter((path) => path !== 'none' && !USUAL_IDENTITY.test(path)).flatMap((path) => expandPath(path, tokens) ?? []),
    ...(identityAgent === undefined || identityAgent === 'SSH_AUTH_SOCK' ? {} : { identityAgent: expandPath(identityAgent, tokens) ?? identityAgent }),
    proxyJump: one('proxyjump')?.split(',').map((hop) => hop.trim()) ?? [],
    ...(proxyCommand === undefined ? {} : { proxyCommand }),
    proxyUseFdpass: one('proxyusefdpass') === 'yes',
    ...(timeout > 0 ? { connectTimeout: timeout } : {}),
    specialities: [...values].flatMap(([keyword, [value = '']]) => (SPECIALITIES.has(keyword) && value !== 'none' ? [[keyword, value] as const] : [])),
  };
}

/**
 * The tokens of ssh_config(5) in a text; `%%` is a percent sign.
 * Undefined for a token that is not among these: better no value than a wrong one.
 */
export function expandTokens(text: string, tokens: Readonly<Record<string, string>>): string | undefined {
  const known: Readonly<Record<string, string>> = { ...tokens, '%': '%' };
  const pieces = text.split(/%(.?)/s).map((piece, i) => (i % 2 === 0 ? piece : Object.hasOwn(known, piece) ? known[piece] : undefined));
  return pieces.includes(undefined) ? undefined : pieces.join('');
}

function expandPath(path: string, tokens: Readonly<Record<string, string>> & { readonly d: string }): string | undefined {
  return expandTokens(path.startsWith('~/') ? `%d${path.slice(1)}` : path, tokens);
}
