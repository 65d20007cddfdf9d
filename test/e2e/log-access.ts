import { systemClock, systemRandom } from '../../src/event/index.ts'
import type { Log } from '../../src/log/index.ts'
import { deadLetters, type Letter } from '../../src/recover/index.ts'
import { toArray } from '../support/wait.ts'
import type { System } from './system.ts'

/** Opens the log of the system beside the process that serves it, as processes of one machine may. */
export async function withLog<T>(system: System, use: (log: Log) => Promise<T>): Promise<T> {
  const opened = await system.openLog()
  try {
    return await use(opened.log)
  } finally {
    await opened.close()
  }
}

/** The dead letters of a group, from the log itself. */
export async function lettersOf(system: System, group: string): Promise<Letter[]> {
  const of = { group, clock: systemClock, random: systemRandom, by: 'test', topicOf: () => undefined }
  return await withLog(system, log => toArray(deadLetters({ log, ...of }).list()))
}
