import type { Duplex } from 'node:stream';
import type { NodeSSH } from 'node-ssh';
import type { Client } from 'ssh2';
import type { Carrier, Execution } from './carrier.ts';
import { execute } from './exec-adapter.ts';
import { openForward } from './forward-adapter.ts';
import type { CommandResult, DialTarget } from './session.ts';

const CLOSE_TIMEOUT_MS = 2_000;

/** A node-ssh client that has logged in. */
export class NodeSshCarrier implements Carrier {
  readonly #host: string;
  readonly #ssh: NodeSSH;
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #gone: Promise<void>;
  readonly #listeners: ((cause?: unknown) => void)[] = [];

  constructor(host: string, ssh: NodeSSH, client: Client, socket: Duplex) {
    this.#host = host;
    this.#ssh = ssh;
    this.#client = client;
    this.#socket = socket;
    this.#gone = new Promise((resolve) => {
      // node-ssh forgets its own listener once it has logged in, and an error without one would end the process
      client.on('error', (cause) => this.#tell(cause));
      client.on('end', () => this.#tell());
      client.on('close', () => {
        this.#tell();
        resolve();
      });
    });
  }

  execute(execution: Execution): Promise<CommandResult> {
    return execute(this.#ssh, this.#client, execution);
  }

  dial(target: DialTarget): Promise<Duplex> {
    return openForward(this.#client, this.#host, target);
  }

  onEnd(listener: (cause?: unknown) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#ssh.dispose();
    // a host that does not answer our goodbye is left alone
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
    await this.#gone;
    clearTimeout(timer);
  }

  #tell(cause?: unknown): void {
    for (const listener of this.#listeners) listener(cause);
  }
}
