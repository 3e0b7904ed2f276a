import { AppError, EXIT } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import type { DialTarget } from './session.ts';
import { lost, placeOf } from './tcp-adapter.ts';

// RFC 4254 section 5.1
const CONNECT_FAILED = 2;

/**
 * Why a host did not open a connection for us. `cause` has the number of RFC 4254 section 5.1 as its `reason`; without
 * one, the host is lost.
 */
export function notForwarded(via: string, target: DialTarget, cause: Error | undefined): AppError {
  const reason = cause !== undefined && 'reason' in cause ? cause.reason : undefined;
  const said = printable((cause?.message ?? '').replace(/^\(SSH\) Channel open failure: /, '')).slice(0, 200);
  const where = placeOf(target);
  if (typeof reason !== 'number') return lost(via, cause);
  if (reason !== CONNECT_FAILED) {
    return new AppError('ssh/forward-refused', `jump host ${via} does not forward to ${where}: ${said}`, {
      cause,
      exit: EXIT.unreachable,
      hint: 'its sshd needs "AllowTcpForwarding yes" for this login, PermitOpen must not leave the host out, and the key must not be restricted in authorized_keys',
    });
  }
  // one reason stands for every failed connect; OpenSSH adds the system's words for it, in the C locale
  if (/refused/i.test(said)) {
    return new AppError('ssh/refused', `${where} refuses connections from jump host ${via}`, {
      cause,
      exit: EXIT.unreachable,
      hint: 'nothing listens there: is sshd running, and are address and port right as seen from the jump host?',
    });
  }
  return new AppError('ssh/unreachable', `jump host ${via} cannot reach ${where}: ${said}`, {
    cause,
    exit: EXIT.unreachable,
    hint: 'check the address as the jump host resolves it, its route and the firewall',
  });
}

export function slowForward(via: string, target: DialTarget): AppError {
  return new AppError('ssh/timeout', `jump host ${via} did not reach ${placeOf(target)} within ${target.timeoutMs / 1000} s`, {
    exit: EXIT.unreachable,
    hint: 'the host is down, or a firewall behind the jump host drops the packets',
  });
}
