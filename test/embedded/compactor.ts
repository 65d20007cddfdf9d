import { writeSync } from 'node:fs'
import { compactLog } from '../../src/drivers/embedded/index.ts'

/** Compacts a log again and again, and says each round, until it is killed. Argument: the folder. */
const [folder = ''] = process.argv.slice(2)
for (let round = 1; ; round++) {
  await compactLog(folder)
  writeSync(1, `round ${round}\n`)
}
