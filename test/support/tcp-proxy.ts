import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy on 127.0.0.1 that a test can cut, or make deaf without a word to either side. */
export class TcpProxy {
  readonly port: number;
  /** How many connections came, those that were dropped too. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  #budget = Number.POSITIVE_INFINITY;
  #drop = { count: 0, words: '' };

  private constructor(port: number, server: Server, sockets: Set<Socket>) {
    this.port = port;
    this.#server = server;
    this.#sockets = sockets;
    server.on('connection', (near) => {
      near.on('data', (chunk) => {
        this.#budget -= chunk.length;
        if (this.#budget <= 0) this.cut();
      });
    });
  }

  static async start(target: number): Promise<TcpProxy> {
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      proxy.connections += 1;
      if (proxy.#drop.count > 0) {
        proxy.#drop.count -= 1;
        near.on('error', () => undefined).end(proxy.#drop.words);
        return;
      }
      const far = connect(target, '127.0.0.1');
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const proxy = new TcpProxy(address.port, server, sockets);
    return proxy;
  }

  /** Every connection ends at once, as with a reboot. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** As {@link cut}, as soon as so many more bytes have gone to the target. */
  cutAfter(bytes: number): void {
    this.#budget = bytes;
  }

  /** Nothing passes any more, and nobody is told: a pulled cable. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe().removeAllListeners('data').pause();
    }
  }

  /** The next connections end at once, with these words as all that is said: what sshd does above MaxStartups. */
  dropNext(count: number, words = ''): void {
    this.#drop = { count, words };
  }

  /** Nothing passes until the function returned is called; then everything does. */
  hold(): () => void {
    const held = [...this.#sockets];
    for (const socket of held) socket.cork();
    return () => held.forEach((socket) => socket.uncork());
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
