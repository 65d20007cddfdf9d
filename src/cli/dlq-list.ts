import { systemClock, systemRandom } from '../event/index.ts'
import { deadLetters, groupsWithLetters, type Letter } from '../recover/index.ts'
import type { CliIo } from './io.ts'
import { logFolder, withLog } from './open-log.ts'
import { table } from './table.ts'

export interface DlqListOptions {
  readonly log?: string
  readonly group?: string
  readonly output: 'table' | 'json'
}

/** Prints the dead letters of a log, newest first. */
export async function dlqList(options: DlqListOptions, io: CliIo): Promise<void> {
  const letters: Letter[] = []
  await withLog(logFolder(options.log, io), async ({ log }) => {
    for (const group of await groupsWithLetters(log)) {
      if (options.group !== undefined && group !== options.group) continue
      const of = { log, group, clock: systemClock, random: systemRandom, by: 'cli', topicOf: () => undefined }
      for await (const letter of deadLetters(of).list()) letters.push(letter)
    }
  })
  letters.sort((a, b) => b.diedAt - a.diedAt)
  io.out(options.output === 'json' ? json(letters) : text(letters))
  if (letters.length === 0) io.err('no dead letters\n')
}

/** One array; the payload as base64, because nobody knows what bytes it is. */
function json(letters: readonly Letter[]): string {
  const shown = letters.map(({ value, ...letter }) => ({
    ...letter,
    value: value === null ? null : Buffer.from(value).toString('base64'),
  }))
  return `${JSON.stringify({ format: 1, letters: shown }, undefined, 2)}\n`
}

function text(letters: readonly Letter[]): string {
  if (letters.length === 0) return ''
  return table(
    ['died', 'group', 'event', 'key', 'type', 'attempts', 'reason', 'error'],
    letters.map(letter => [
      new Date(letter.diedAt).toISOString(),
      letter.group,
      `${letter.topic}/${letter.partition}/${letter.offset}`,
      letter.key ?? '-',
      letter.eventType ?? '-',
      String(letter.attempts),
      letter.reason,
      letter.last.message.slice(0, 120),
    ]),
  )
}
