import { once } from 'node:events';
import type { LabHost } from './host.ts';
import type { TestWorkspace } from './workspace.ts';

/** Starts an apply and kills the operator's process as soon as the host has armed its watchdog and swapped its files. */
export async function killedInTheMiddle(workspace: TestWorkspace, host: LabHost, inventory: string, undoAfter: string): Promise<void> {
  const child = workspace.start('apply', '-i', inventory, '--yes', '--undo-after', undoAfter);
  child.stdout?.resume();
  child.stderr?.resume();
  const gone = once(child, 'exit');
  await host.must('until ls /var/lib/ensign/transactions/*/armed && [ -e /etc/ssh/sshd_config.d/00-ensign.conf ]; do sleep 0.01; done 2>/dev/null', { timeoutMs: 60_000 });
  child.kill('SIGKILL');
  await gone;
}

/** Returns when the host has undone its change and nobody holds its lock any more. */
export async function undone(host: LabHost): Promise<void> {
  await host.must('until ls /var/lib/ensign/transactions/*/rolled-back && ! [ -d /var/lib/ensign/lock ]; do sleep 0.05; done 2>/dev/null', { timeoutMs: 90_000 });
}
