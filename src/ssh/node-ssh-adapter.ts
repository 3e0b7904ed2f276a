import { NodeSSH, type Config } from 'node-ssh';
import type { Duplex } from 'node:stream';
import { AppError } from '../base/errors.ts';
import { dropped, overhear } from './dropped.ts';
import { hostKeyAlgorithms } from './host-key-algorithms.ts';
import { nothingToOffer, withOutcome } from './login-failure.ts';
import { Login } from './login.ts';
import { NodeSshCarrier } from './node-ssh-carrier.ts';
import type { Offer } from './offer.ts';
import { openCredentials } from './offers-adapter.ts';
import { RemoteSession } from './session-adapter.ts';
import { CONNECT_TIMEOUT_MS, type Connect, type ConnectOptions, type HostSession } from './session.ts';
import { dial } from './tcp-adapter.ts';

const KEEPALIVE_MS = 5_000;
const KEEPALIVE_COUNT = 3;

/** Sessions over node-ssh. A link that is cut silently is noticed after 20 seconds. */
export const connectNodeSsh: Connect = nodeSshConnector(KEEPALIVE_MS);

/** As {@link connectNodeSsh}, with another pace of questions to an idle host, milliseconds. */
export function nodeSshConnector(keepaliveMs: number): Connect {
  return async (options) => {
    const { offers, problems } = await openCredentials(options.credentials);
    // questions can be answered without a key; a key that was to be used and cannot be is a mistake, and no reason to ask
    const answers = options.credentials.find((credential) => credential.kind === 'answers');
    if (offers.length === 0 && (answers === undefined || (problems.length > 0 && answers.password === undefined))) throw problems[0] ?? nothingToOffer(options.host);
    const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const socket = await (options.dial ?? dial)({ address: options.address, port: options.port, timeoutMs });
    try {
      return await logIn(options, offers, socket, { keepaliveInterval: keepaliveMs, readyTimeout: timeoutMs });
    } catch (error) {
      socket.destroy();
      const [problem] = problems;
      if (problem !== undefined && error instanceof AppError && error.code === 'ssh/auth-failed') throw withOutcome(problem, error);
      throw error;
    }
  };
}

async function logIn(options: ConnectOptions, offers: readonly Offer[], socket: Duplex, pace: Pick<Config, 'keepaliveInterval' | 'readyTimeout'>): Promise<HostSession> {
  const ssh = new NodeSSH();
  const login = new Login(options, offers);
  const connected = ssh.connect({
    ...pace,
    keepaliveCountMax: KEEPALIVE_COUNT,
    sock: socket,
    username: options.user,
    hostVerifier: login.verify,
    authHandler: login.offer,
    algorithms: { serverHostKey: hostKeyAlgorithms(options.hostKeyTypes) },
  });
  // there is a client already, because node-ssh makes it before it waits for anything
  const client = ssh.connection;
  const excuse = overhear(socket);
  try {
    client?.on('error', () => undefined).setMaxListeners(0);
    if (client !== null) login.attach(client);
    await connected;
  } catch (cause) {
    connected.catch(() => undefined);
    ssh.dispose();
    if (cause instanceof AppError) throw cause;
    const error = login.explain(cause, socket);
    // it never came to a key that could have been judged
    throw error.code === 'ssh/lost' && login.hostKey === undefined ? dropped(options.host, excuse(), cause) : error;
  }
  if (client === null || login.hostKey === undefined) throw new AppError('ssh/library', 'node-ssh logged in without a checked host key');
  return new RemoteSession(options, login.hostKey, new NodeSshCarrier(options.host, ssh, client, socket));
}
