// Writes schema/inventory.schema.json, which editors use. Run: npx tsx scripts/write-schema.ts
import { writeFileSync } from 'node:fs';
import { inventoryJsonSchema } from '../src/inventory/schema.ts';

writeFileSync(new URL('../schema/inventory.schema.json', import.meta.url), `${JSON.stringify(inventoryJsonSchema(), null, 2)}\n`);
