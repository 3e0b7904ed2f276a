// A process of its own that appends keys: argv is the file, a label and a count.
import { appendKnownHost } from '../../../src/ssh/known-hosts-file-adapter.ts';
import { ed25519Key } from '../wire/keys.ts';

const [file = '', label = '', count = '0'] = process.argv.slice(2);
for (let i = 0; i < Number(count); i++) await appendKnownHost(file, { name: `${label}-${i}`, port: 22, key: ed25519Key().key });
