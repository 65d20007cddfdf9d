import { HoldfastError, systemClock, systemRandom } from '../../event/index.ts'
import { deadLetters, groupsWithLetters, type LetterFilter } from '../../recover/index.ts'
import type { CliIo } from '../io.ts'
import { onLog, type OnLogOptions } from '../on-log.ts'

export interface DlqExportOptions extends OnLogOptions, Pick<LetterFilter, 'status' | 'cause' | 'where'> {
  readonly group: string
}

/** Prints events line by line: however many there are, one is held. */
export async function dlqExport(
  { log: folder, app, group, ...filter }: DlqExportOptions,
  io: CliIo,
): Promise<void> {
  await onLog({ log: folder, app }, io, async ({ system: { log } }) => {
    const groups = await groupsWithLetters(log)
    if (!groups.includes(group)) {
      const detail = `${group} has no letters in this log; there are those of ${groups.join(', ') || 'no group'}`
      throw new HoldfastError('GROUP_UNKNOWN', { detail })
    }
    const of = { log, group, clock: systemClock, random: systemRandom, by: 'cli', topicOf: () => undefined }
    for await (const line of deadLetters(of).export(filter)) io.out(`${line}\n`)
  })
}
