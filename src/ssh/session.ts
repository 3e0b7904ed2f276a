import type { Duplex } from 'node:stream';
import type { AppError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { PublicKey } from '../wire/public-key.ts';
import type { KeyMemory } from './key-memory.ts';
import type { LoginPassword } from './login-password.ts';

/** What a remote command did. Text is decoded as UTF-8; a byte that is not becomes U+FFFD. */
export interface CommandResult {
  /** Exit status, or undefined when a signal ended the command. */
  readonly code: number | undefined;
  /** Signal name without `SIG`, as RFC 4254 section 6.10 carries it. */
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Everything the command reads; without it the command reads an empty stdin. */
  readonly stdin?: string;
  /** Run as root, by the host's become method. False by default. */
  readonly become?: boolean;
  /** Wall time for the whole command, milliseconds; 5 minutes by default. */
  readonly timeoutMs?: number;
}

/**
 * One authenticated connection to one host. Several commands may run at once; each is one exec channel.
 * After `ssh/lost` every further call fails with `ssh/lost`.
 */
export interface HostSession {
  /** The login on the host. */
  readonly user: string;
  /** The key that the host proved to hold and that the check accepted. */
  readonly hostKey: PublicKey;
  /**
   * Runs one command in the C locale and waits for it. A command that fails is a result, not an error.
   * @throws AppError `ssh/lost`, `ssh/timeout`, `ssh/output-too-large`, `ssh/quote`, `ssh/exec-refused`, and with
   *   `become` also `ssh/sudo-denied`, `ssh/sudo-password-needed`, `ssh/sudo-password-wrong`, `ssh/doas-denied`,
   *   `ssh/doas-password-needed`
   */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /**
   * Writes a file as the login user: beside it under a new name, then renamed over it. `mode` as in 0o600.
   * @throws AppError `ssh/put-failed` and those of {@link run}
   */
  putFile(path: string, content: string, mode: number): Promise<void>;
  /**
   * A new TCP connection from this host to another (RFC 4254 section 7.2), for a session that goes on from here.
   * @throws AppError `ssh/lost`, `ssh/forward-refused`, and as seen from the host `ssh/refused`, `ssh/unreachable`,
   *   `ssh/timeout`
   */
  dial: Dial;
  /** Ends the connection. May be called again. */
  close(): Promise<void>;
}

export interface DialTarget {
  /** A name or an address, without brackets. */
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
}

/** Opens a new connection to where sshd listens: straight from here, or from a jump host. */
export type Dial = (target: DialTarget) => Promise<Duplex>;

/** One way to prove who we are. Exactly one key is offered at a time. */
export type Credential =
  | {
      readonly kind: 'agent';
      /** Path of its socket. Beside keys that somebody has named it offers only those, and then these need no passphrase. */
      readonly socket: string;
      /** Paths of public keys; an agent that holds more than these offers these first. */
      readonly prefer?: readonly string[];
      readonly memory?: KeyMemory;
    }
  | {
      readonly kind: 'key';
      /** Private key file. `PATH.pub` names the same key, also where the private half is in an agent only. */
      readonly path: string;
      /** Nobody has named it: it does not narrow down what the agent offers. */
      readonly usual?: boolean;
      /** A function is asked only when the key has to be opened. */
      readonly passphrase?: Secret<string> | (() => Promise<Secret<string>>);
      /** The line of its `-cert.pub` file, offered before the key itself. */
      readonly certificate?: string;
      readonly memory?: KeyMemory;
    }
  | {
      readonly kind: 'certificate';
      /** PEM or OpenSSH private key text, not encrypted */
      readonly privateKey: Secret<string>;
      /** the line of a `-cert.pub` file */
      readonly certificate: string;
    }
  | {
      /** For `password` and `keyboard-interactive`, after all keys. */
      readonly kind: 'answers';
      /** Answers a single hidden question, once a host. Without it only hosts that accept no keys, or want more than one, get to ask. */
      readonly password?: LoginPassword;
      /** Puts the host's questions to a person; absent where there is none. */
      readonly ask?: Ask;
    };

/** What a host wants to be told during a login (RFC 4256 section 3.2). All text is the host's own, as it was sent. */
export interface Challenge {
  readonly host: string;
  readonly user: string;
  /** What it says before it asks; may have several lines. */
  readonly says: string;
  readonly questions: readonly { readonly text: string; readonly echo: boolean }[];
}

/** Gives an answer to each question. `gone` is aborted when the host hangs up meanwhile. */
export type Ask = (challenge: Challenge, gone: AbortSignal) => Promise<readonly Secret<string>[]>;

export type HostKeyVerdict =
  | { readonly accepted: true; readonly how: 'known-hosts' | 'pinned' | 'first-contact' | 'same-key' }
  | { readonly accepted: false; readonly error: AppError };

/** Decides about a host's key. Synchronous, because the key exchange waits for it. */
export type HostKeyCheck = (key: PublicKey) => HostKeyVerdict;

/** How long a connection may take where nobody says otherwise, milliseconds. */
export const CONNECT_TIMEOUT_MS = 15_000;

export interface ConnectOptions {
  /** The host's name, for messages. */
  readonly host: string;
  /** Where to connect: a name or an address, without brackets. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly credentials: readonly Credential[];
  readonly hostKey: HostKeyCheck;
  /**
   * Key types (`ssh-rsa`) by which the host is known, to be asked for first. A host shows one key only: without this
   * a host known by its RSA key would show its Ed25519 key, and look like a stranger.
   */
  readonly hostKeyTypes?: readonly string[];
  /** How the bytes get there; straight from here by default. */
  readonly dial?: Dial;
  /** How commands with `become` get to be root. doas has to let the user through without a password. */
  readonly become: 'none' | 'sudo' | 'doas';
  readonly becomePassword?: Secret<string>;
  /** For the TCP connection, and again for key exchange and login together; {@link CONNECT_TIMEOUT_MS} by default. */
  readonly connectTimeoutMs?: number;
}

/**
 * Opens a session, or tells why not.
 * @throws AppError `ssh/unreachable`, `ssh/refused`, `ssh/timeout`, `ssh/lost`, `ssh/protocol`, `ssh/auth-failed`,
 *   `ssh/key-unreadable`, `ssh/key-permissions`, `ssh/key-cipher`, `ssh/key-passphrase-needed`,
 *   `ssh/key-passphrase-wrong`, `ssh/key-not-in-agent`, `ssh/certificate-mismatch`, `ssh/agent`, `ssh/password-wrong`,
 *   `ssh/password-withheld`, `ssh/password-expired`, `ssh/question-unanswered`, `ssh/answer-late`,
 *   `ssh/second-step-needed`, and whatever error the host key check gives
 */
export type Connect = (options: ConnectOptions) => Promise<HostSession>;
