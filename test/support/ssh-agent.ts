import { spawn, type ChildProcess } from 'node:child_process';

/** Starts an ssh-agent in the foreground; it says where it is as soon as it listens there, and not before. */
export function startAgent(socket: string): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => resolve(child));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`ssh-agent ended with ${String(code)}`)));
  });
}
