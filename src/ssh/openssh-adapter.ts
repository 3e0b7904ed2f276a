import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../base/errors.ts';
import { formatPublicKeyLine, samePublicKey, type PublicKey } from '../wire/public-key.ts';
import { loginTooSlow } from './login-failure.ts';
import { MuxCarrier } from './mux-carrier.ts';
import type { MuxProxy } from './mux-proxy.ts';
import { ClientFailed, OpenSshClient } from './openssh-client-adapter.ts';
import { clientConfig, HOST_KEY_ALIAS, type Speciality } from './openssh-config.ts';
import { clientCredentials } from './openssh-credentials-adapter.ts';
import { explainClient, outcomeOf } from './openssh-failure.ts';
import { OfferAgentServer } from './openssh-agent-adapter.ts';
import { RemoteSession } from './session-adapter.ts';
import { CONNECT_TIMEOUT_MS, type Connect, type ConnectOptions, type HostSession } from './session.ts';
import { dial } from './tcp-adapter.ts';

export interface OpenSshSettings {
  /** `ssh` of the path by default. */
  readonly program?: string;
  /** From the user's ssh_config. */
  readonly specialities?: readonly Speciality[];
  /** Seconds between questions to a silent host; 5 by default. */
  readonly keepalive?: number;
  /** Hears when somebody has to touch a key now. */
  readonly onTouch?: (host: string) => void;
}

const KEEPALIVE_S = 5;
// somebody may have to find the key and touch it
const TOUCH_TIMEOUT_MS = 60_000;
// what a path of a Unix socket may have (unix(7)), less what ssh appends while it makes one
const MAX_FOLDER = 60;

/** Sessions over the stock client, as it is found in PATH. */
export const connectOpenSsh: Connect = openSshConnector();

/**
 * Sessions over the stock client. It gets a connection that we opened, on which we read along: the host key is judged
 * when it is shown, and the client is told to accept exactly that key. One process and one new connection a session.
 */
export function openSshConnector(settings: OpenSshSettings = {}): Connect {
  return async (options) => {
    const folder = await privateFolder();
    const undo: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
    let tidying: Promise<void> | undefined;
    const tidy = (): Promise<void> => {
      tidying ??= backwards(undo);
      return tidying;
    };
    try {
      return await logIn(settings, options, folder, undo, tidy);
    } catch (error) {
      await tidy();
      throw error;
    }
  };
}

async function backwards(undo: readonly (() => unknown)[]): Promise<void> {
  for (const step of [...undo].reverse()) await step();
}

async function logIn(settings: OpenSshSettings, options: ConnectOptions, folder: string, undo: (() => unknown)[], tidy: () => Promise<void>): Promise<HostSession> {
  const credentials = await clientCredentials(options, folder);
  const agent = await OfferAgentServer.listen(join(folder, 'agent'), credentials.offers);
  undo.push(() => agent.close());
  const knownHostsFile = join(folder, 'known_hosts');
  const controlSocket = join(folder, 'control');
  const configFile = join(folder, 'config');
  await writeFile(configFile, clientConfig({
    user: options.user,
    knownHostsFile,
    hostKeyTypes: options.hostKeyTypes ?? [],
    controlSocket,
    agentSocket: join(folder, 'agent'),
    identities: credentials.identities,
    specialities: settings.specialities ?? [],
    keepalive: settings.keepalive ?? KEEPALIVE_S,
  }));
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const connection = await (options.dial ?? dial)({ address: options.address, port: options.port, timeoutMs });
  let hostKey: PublicKey | undefined;
  const client = new OpenSshClient({
    program: settings.program ?? 'ssh',
    args: ['-F', configFile, '-N', '--', /^[\w.:-]+$/.test(options.host) ? options.host : HOST_KEY_ALIAS],
    connection,
    controlSocket,
    judge: (key) => {
      hostKey = judged(options, key, hostKey);
      writeFileSync(knownHostsFile, `${HOST_KEY_ALIAS} ${formatPublicKeyLine(hostKey)}\n`);
      if (credentials.identities.length > 0) settings.onTouch?.(options.host);
    },
  });
  undo.push(() => client.close());
  const proxy = await inTime(client, () => agent.signing, credentials.identities.length === 0 ? timeoutMs : Math.max(timeoutMs, TOUCH_TIMEOUT_MS), options).catch((error: unknown) => {
    throw error instanceof ClientFailed ? explainClient(error.end, outcomeOf(options, credentials, agent)) : error;
  });
  if (hostKey === undefined) throw new AppError('ssh/library', 'ssh logged in without a host key that was judged');
  agent.signed?.worked();
  // also when nobody closes what was lost
  proxy.onEnd(() => void tidy());
  return new RemoteSession(options, hostKey, new MuxCarrier(options.host, proxy, tidy));
}

/**
 * The key, when the check accepts it. Whatever else the check does is no.
 * @throws AppError of the verdict; `ssh/protocol` when a host shows a second key in one and the same exchange
 */
function judged({ host, hostKey }: ConnectOptions, key: PublicKey, before: PublicKey | undefined): PublicKey {
  if (before !== undefined && !samePublicKey(before, key)) throw new AppError('ssh/protocol', `${host} does not speak SSH as expected: it shows two keys`);
  let refusal: unknown;
  try {
    const verdict = hostKey(key);
    if (verdict.accepted) return key;
    refusal = verdict.error;
  } catch (cause) {
    refusal = cause;
  }
  throw refusal instanceof AppError ? refusal : new AppError('ssh/protocol', `${host}: its key could not be checked`, { cause: refusal });
}

/** The time that a person takes to open a key is not the host's. */
async function inTime(client: OpenSshClient, waiting: () => boolean, timeoutMs: number, { host }: ConnectOptions): Promise<MuxProxy> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const expire = (): void => {
      if (waiting()) timer = setTimeout(expire, timeoutMs);
      else reject(loginTooSlow(host));
    };
    timer = setTimeout(expire, timeoutMs);
  });
  const loggedIn = client.loggedIn();
  loggedIn.catch(() => undefined);
  try {
    return await Promise.race([loggedIn, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** For this user alone: sockets, the host's public key, certificates; private keys never but handles of hardware keys. */
async function privateFolder(): Promise<string> {
  const parent = tmpdir().length > MAX_FOLDER ? '/tmp' : tmpdir();
  return mkdtemp(join(parent, 'ensign-ssh-'));
}
