import type { Duplex } from 'node:stream';
import { AppError, EXIT } from '../base/errors.ts';
import { printable } from '../base/text.ts';

const LONGEST_EXCUSE = 400;

// sshd.c of OpenSSH 9.8 and later, in place of the identification line; there is no number for it
const PENALTY = 'Not allowed at this time';

/**
 * A host that hung up before the key exchange was over: nobody has logged in, and nothing has been counted against us.
 * `said` is what it sent in place of its identification line, which a reset may have swallowed.
 */
export function dropped(where: string, said: string, cause?: unknown): AppError {
  if (said.startsWith(PENALTY)) {
    return new AppError('ssh/penalized', `${where} lets nobody in from this address for a while (PerSourcePenalties)`, {
      cause,
      exit: EXIT.unreachable,
      hint: 'logins from this address failed before: its log tells which ("penalty"). Mend those, wait a minute, and try again; or add the address to PerSourcePenaltyExemptList there',
    });
  }
  const excuse = printable(said.split(/\r?\n/)[0] ?? '').slice(0, 100);
  return new AppError('ssh/dropped', `${where} hung up before the key exchange was over${excuse === '' ? '' : `, saying ${JSON.stringify(excuse)}`}`, {
    cause,
    exit: EXIT.unreachable,
    hint: 'more connections at once than its MaxStartups allows, an address that it does not want, or no sshd: its log tells',
  });
}

/** Listens to what a host sends before its identification line; the function returned tells what it was. */
export function overhear(socket: Duplex): () => string {
  let heard = '';
  const listen = (chunk: Buffer): void => {
    heard += chunk.toString('latin1');
    if (heard.length > LONGEST_EXCUSE || /^SSH-/m.test(heard)) socket.off('data', listen);
  };
  socket.on('data', listen);
  return () => excuseIn(heard);
}

/** The words before the identification line, or all of them where none came. */
export function excuseIn(text: string): string {
  return (text.split(/^SSH-/m)[0] ?? '').slice(0, LONGEST_EXCUSE);
}
