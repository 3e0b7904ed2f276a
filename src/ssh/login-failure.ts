import { AppError, EXIT, usageError } from '../base/errors.ts';

// what a login ends with, whichever transport tried it

/** There is nothing to try, so nothing is connected to. */
export function nothingToOffer(host: string): AppError {
  return usageError('ssh/auth-failed', `there is no key to log in to ${host} with`, {
    hint: 'start an ssh-agent that holds your key, or name a private key file',
  });
}

/** A credential that could not even be tried is what there is to repair; what came of the others stands behind it. */
export function withOutcome(problem: AppError, outcome: AppError): AppError {
  return new AppError(problem.code, problem.message, {
    cause: outcome,
    exit: EXIT.hostsFailed,
    hint: [problem.hint, `${outcome.message}; ${outcome.hint ?? ''}`].filter((part) => part !== undefined).join('. '),
  });
}

export function loginTooSlow(host: string, cause?: unknown): AppError {
  return new AppError('ssh/timeout', `${host} did not finish the login in time`, {
    cause,
    exit: EXIT.unreachable,
    hint: 'the host is overloaded, or what answers there is no sshd',
  });
}

export function notAsExpected(host: string, said: string, cause?: unknown): AppError {
  return new AppError('ssh/protocol', `${host} does not speak SSH as expected: ${said}`, {
    cause,
    exit: EXIT.hostsFailed,
    hint: 'is this the port of an sshd, and one of this decade?',
  });
}
