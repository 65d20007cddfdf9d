// Once, before the first start: node examples/drivers/src/create-tables.ts
import process from 'node:process'
import { createTables } from './tables.ts'

await createTables(process.env['DATABASE_URL'] ?? '')
