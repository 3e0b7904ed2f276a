import { expect, test } from 'vitest';
import { useLab } from './support/use-lab.ts';
test('x', async () => { const lab = useLab(); const h = await lab.addHost({ name: 'x.stg.lab.test' }); expect((await h.run('hostname')).stdout).toBe('x.stg.lab.test\n'); await h.reboot(); await lab.removeHost(h); await lab.addHost({ name: 'x.stg.lab.test' });});
