import { AppError, EXIT, usageError } from '../base/errors.ts';
import { plural, printable } from '../base/text.ts';
import { dropped } from './dropped.ts';
import { notAsExpected, withOutcome } from './login-failure.ts';
import type { ClientEnd } from './openssh-client-adapter.ts';
import type { ClientCredentials } from './openssh-credentials-adapter.ts';
import type { ConnectOptions } from './session.ts';
import { lost, tcpError } from './tcp-adapter.ts';

export interface Attempt {
  readonly host: string;
  readonly user: string;
  /** What the client had to offer. */
  readonly labels: readonly string[];
  /** How many keys more there are. */
  readonly left: number;
  /** Credentials that could not even be tried. */
  readonly problems: readonly AppError[];
  readonly notes: readonly string[];
}

// The client's own line for SSH_MSG_DISCONNECT, and the number in it (RFC 4253 section 11.1): the one thing that is
// read from its words, which are never translated.
const DISCONNECT = /^Received disconnect from \S+ port \d+:(\d+): /m;

export function outcomeOf({ host, user }: ConnectOptions, { labels, left, problems }: ClientCredentials, agent: Pick<Attempt, 'notes' | 'problems'>): Attempt {
  return { host, user, labels, left, problems: [...agent.problems, ...problems], notes: agent.notes };
}

/** Why a client ended before it was in. Goes by how far it had come, and by who hung up; its words are for the reader. */
export function explainClient(end: ClientEnd, attempt: Attempt): AppError {
  const { host } = attempt;
  const said = lastWords(end.words);
  if (end.notStarted !== undefined) {
    return usageError('ssh/no-client', `the OpenSSH client cannot be started (${end.notStarted.code ?? 'unknown reason'})`, { cause: end.notStarted, hint: 'install openssh-client, or use the transport node-ssh' });
  }
  if (end.encrypted && (DISCONNECT.test(end.words) || (!end.hungUp && end.connectionError === undefined))) return notLetIn(attempt, said);
  if (end.connectionError !== undefined || end.hungUp) {
    const error = end.connectionError === undefined ? lost(host) : tcpError(end.connectionError, host);
    return error.code === 'ssh/lost' && !end.judged ? dropped(host, end.excuse, end.connectionError) : error;
  }
  if (!end.introduced) return usageError('ssh/client-settings', `the OpenSSH client does not take its settings: ${said}`, { hint: 'look at the algorithms and providers of your ssh_config; --ssh-config none leaves it out' });
  return notAsExpected(host, said);
}

function notLetIn({ host, user, labels, left, problems, notes }: Attempt, said: string): AppError {
  const outcome = new AppError('ssh/auth-failed', `${host} does not let ${user} log in`, {
    exit: EXIT.hostsFailed,
    hint: [`offered: ${labels.join('; ')}`, ...(left === 0 ? [] : [`${plural(left, 'more key was', 'more keys were')} not tried, because hosts hang up after a few: name the right one with --identity FILE or identityFile`]), ...notes, ...(said === '' ? [] : [`ssh said: ${said}`])].join('. '),
  });
  const [problem] = problems;
  return problem === undefined ? outcome : withOutcome(problem, outcome);
}

function lastWords(words: string): string {
  const lines = words.split('\n').map((line) => printable(line.trim())).filter((line) => line !== '');
  return lines.slice(-2).join('; ').slice(0, 300);
}
