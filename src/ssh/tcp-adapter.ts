import { connect, type Socket } from 'node:net';
import { AppError, EXIT } from '../base/errors.ts';
import type { DialTarget } from './session.ts';

/**
 * Opens a TCP connection without Nagle's delay. The socket comes back paused, without listeners of ours.
 * @throws AppError `ssh/unreachable`, `ssh/refused`, `ssh/timeout`, `ssh/lost`
 */
export function dial(options: DialTarget): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: options.address,
      port: options.port,
      noDelay: true,
      // Node's default of 250 ms gives up on every address of a host that is merely far away
      autoSelectFamilyAttemptTimeout: Math.max(250, Math.floor(options.timeoutMs / 3)),
    });
    const stop = (error: AppError): void => {
      settle();
      // a late error of the socket has nobody left to tell
      socket.on('error', () => undefined).destroy();
      reject(error);
    };
    const onError = (cause: Error): void => stop(tcpError(cause, placeOf(options)));
    const onConnect = (): void => {
      settle();
      resolve(socket);
    };
    const timer = setTimeout(() => stop(timedOut(options)), options.timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('error', onError).off('connect', onConnect);
    };
    socket.on('error', onError).on('connect', onConnect);
  });
}

/** What an error of a socket means to the person at the other end; `where` names the host. */
export function tcpError(cause: Error, where: string): AppError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  switch (code) {
    case 'ECONNREFUSED':
      return new AppError('ssh/refused', `${where} refuses connections`, {
        cause,
        exit: EXIT.unreachable,
        hint: 'nothing listens there: is sshd running, and is the port right?',
      });
    case 'ECONNRESET':
    case 'EPIPE':
      return lost(where, cause);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA':
      return new AppError('ssh/unreachable', `${where} has no address: its name does not resolve`, {
        cause,
        exit: EXIT.unreachable,
        hint: 'check the name, or give the host an address in the inventory',
      });
    default:
      return new AppError('ssh/unreachable', `${where} cannot be reached${code === undefined ? '' : ` (${code})`}`, {
        cause,
        exit: EXIT.unreachable,
        hint: 'check the address, the route and the firewall',
      });
  }
}

/** The connection ended although neither side had said goodbye. */
export function lost(where: string, cause?: unknown): AppError {
  return new AppError('ssh/lost', `the connection to ${where} was lost`, {
    cause,
    exit: EXIT.unreachable,
    hint: 'the host closed it, or the network between is down; what was running there may have finished or not',
  });
}

function timedOut(options: DialTarget): AppError {
  return new AppError('ssh/timeout', `${placeOf(options)} did not answer within ${options.timeoutMs / 1000} s`, {
    exit: EXIT.unreachable,
    hint: 'the host is down, or a firewall drops the packets',
  });
}

/** `address:port`, an IPv6 address in brackets. */
export function placeOf({ address, port }: Pick<DialTarget, 'address' | 'port'>): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
