/**
 * The client of the end-to-end tests, a process of its own that knows HTTP and nothing of Holdfast:
 *
 *   node test/client/main.ts '{"url":"http://127.0.0.1:4300/v1/events","ratePerSecond":50,…}'
 *
 * One line of JSON on stdout when it begins, one with the summary when all is answered.
 */
import process from 'node:process'
import { openLoop } from './open-loop.ts'
import type { Load } from './plan.ts'

process.stdout.write(`${JSON.stringify({ begun: true })}\n`)
const summary = await openLoop(JSON.parse(process.argv[2] ?? '{}') as Load)
process.stdout.write(`${JSON.stringify({ summary })}\n`)
