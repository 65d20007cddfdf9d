/**
 * The app of the end-to-end tests: vehicles that move. A process of its own, set up by one JSON argument:
 *
 *   node --conditions=holdfast-source test/apps/moves.ts '{"data":"/tmp/x","database":"postgres://…","groups":["each"]}'
 *
 * It says `up {"door":PORT,"admin":PORT}` when it serves, and one line per change of state on stderr.
 */
import process from 'node:process'
import { startMoves, type MovesOptions } from './moves-app.ts'

await startMoves(JSON.parse(process.argv[2] ?? '{}') as MovesOptions)
