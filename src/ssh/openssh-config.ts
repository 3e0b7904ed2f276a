import { usageError } from '../base/errors.ts';
import { hostKeyAlgorithms } from './host-key-algorithms.ts';

/** What one run of the stock client is told. */
export interface ClientConfig {
  readonly user: string;
  readonly knownHostsFile: string;
  /** Types by which the host is known, the first ones first. */
  readonly hostKeyTypes: readonly string[];
  readonly controlSocket: string;
  readonly agentSocket: string;
  /** Keys that only the client can use, and certificates for them. */
  readonly identities: readonly ClientIdentity[];
  /** Of the user's own ssh_config: see {@link SPECIALITIES}. */
  readonly specialities: readonly Speciality[];
  /** Seconds between questions to a silent host. */
  readonly keepalive: number;
}

export interface ClientIdentity {
  readonly path: string;
  readonly certificateFile?: string;
}

/** A keyword and its value, as `ssh -G` prints them. */
export type Speciality = readonly [keyword: string, value: string];

/**
 * What is taken over from the user's ssh_config into a login: algorithms and hardware. Everything else is decided by
 * ensign: nothing here lets another key be offered, another host key pass, or a command run.
 */
export const SPECIALITIES: ReadonlySet<string> = new Set([
  'casignaturealgorithms', 'ciphers', 'compression', 'kexalgorithms', 'macs', 'pubkeyacceptedalgorithms', 'pubkeyacceptedkeytypes', 'rekeylimit', 'requiredrsasize', 'revokedhostkeys', 'securitykeyprovider',
]);

const KEEPALIVE_COUNT = 3;

// keywords that older clients do not know; only what would be a hindrance without them
const NEWER = ['WarnWeakCrypto', 'KnownHostsCommand', 'RequiredRSASize', 'PubkeyAcceptedAlgorithms', 'SecurityKeyProvider'];

/**
 * The text of a configuration file for `ssh -F`: with it, no other configuration is read. The connection is on stdin
 * and stdout (`ProxyCommand -`), host keys are those of one file, login is by keys alone.
 * @throws AppError `ssh/client-path`, `ssh/client-user`
 */
export function clientConfig(config: ClientConfig): string {
  const lines: (readonly [string, string])[] = [
    ['IgnoreUnknown', NEWER.join(',')],
    ...config.specialities.filter(([keyword]) => SPECIALITIES.has(keyword)),
    ['User', login(config.user)],
    ['ProxyCommand', '-'],
    // the host key: exactly the one that was judged
    ['HostKeyAlias', HOST_KEY_ALIAS],
    ['UserKnownHostsFile', path(config.knownHostsFile)],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['KnownHostsCommand', 'none'],
    ['StrictHostKeyChecking', 'yes'],
    ['CheckHostIP', 'no'],
    ['VerifyHostKeyDNS', 'no'],
    ['UpdateHostKeys', 'no'],
    ['HostKeyAlgorithms', hostKeyAlgorithms(config.hostKeyTypes).join(',')],
    // the login: exactly the keys that were given
    ['PreferredAuthentications', 'publickey'],
    ['PubkeyAuthentication', 'yes'],
    ['PasswordAuthentication', 'no'],
    ['KbdInteractiveAuthentication', 'no'],
    // it has no terminal, so that Ctrl-C is ensign's alone
    ['BatchMode', 'yes'],
    ['IdentityAgent', path(config.agentSocket)],
    ['IdentitiesOnly', 'no'],
    ...(config.identities.length === 0 ? [['IdentityFile', 'none'] as const] : config.identities.flatMap(identity)),
    // the session
    ['ControlMaster', 'yes'],
    ['ControlPath', path(config.controlSocket)],
    ['ControlPersist', 'no'],
    ['ServerAliveInterval', `${config.keepalive}`],
    ['ServerAliveCountMax', `${KEEPALIVE_COUNT}`],
    ['ClearAllForwardings', 'yes'],
    ['ForwardAgent', 'no'],
    ['ForwardX11', 'no'],
    ['PermitLocalCommand', 'no'],
    ['EscapeChar', 'none'],
    ['LogLevel', 'ERROR'],
    ['WarnWeakCrypto', 'no'],
  ];
  return lines.map(([keyword, value]) => `${keyword} ${value}\n`).join('');
}

/** The name under which the one host key stands in the one file. */
export const HOST_KEY_ALIAS = 'ensign-host';

function identity({ path: file, certificateFile }: ClientIdentity): (readonly [string, string])[] {
  return [['IdentityFile', path(file)], ...(certificateFile === undefined ? [] : [['CertificateFile', path(certificateFile)] as const])];
}

/** One plain word: newer clients read tokens in it, and quotes, blanks and `#` end it. */
function login(user: string): string {
  if (!/^[A-Za-z0-9_][\w.@+=-]*\$?$/.test(user)) {
    throw usageError('ssh/client-user', `ssh cannot be told the login ${JSON.stringify(user)}`, { hint: 'use a login of letters, digits and . _ @ + = -' });
  }
  return user;
}

/** In quotes, with its percent signs doubled: ssh_config(5), TOKENS. */
function path(file: string): string {
  if (/["\\\0\r\n]|\$\{/.test(file)) {
    throw usageError('ssh/client-path', `ssh cannot be told the path ${JSON.stringify(file)}`, { hint: 'use a path without quotes, backslashes and ${' });
  }
  return `"${file.replaceAll('%', '%%')}"`;
}
