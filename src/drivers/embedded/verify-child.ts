import { writeSync } from 'node:fs'
import { openEnvironment } from './lmdb.ts'
import { walk, type WalkMessage } from './verify-walk.ts'

/**
 * The process that `verify.ts` starts: it may die of what it reads. Arguments: the file, and the parts to skip as JSON.
 * Tells a line of JSON for each message, written before the next step is taken: the last one says where it died.
 */
const [file = '', skip = '[]'] = process.argv.slice(2)
const tell = (message: WalkMessage): void => void writeSync(1, `${JSON.stringify(message)}\n`)

tell({ kind: 'begins', part: 'file' })
const lmdb = await openEnvironment(file, 'read')
walk(lmdb, new Set(JSON.parse(skip) as string[]), tell)
