/** The first page of many letters, in a process that has just opened the log: as a command, or a page, asks for it. */
import { embedded } from '../../src/drivers/embedded/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { deadLetters } from '../../src/recover/index.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { vehicles } from './vehicles.ts'

const { folder, group, page } = given<{ folder: string; group: string; page: number }>()
const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
const { log } = await embedded(folder).open(env)
const watch = stopwatch()
const dead = deadLetters({ ...env, log, group, by: 'bench', topicOf: () => vehicles })
const listed: unknown[] = []
for await (const letter of dead.list({ limit: page })) listed.push(letter)
if (listed.length !== page) throw new Error(`${listed.length} letters instead of ${page}`)
tell(watch.stop(page))
