import { systemClock, systemRandom } from '../../event/index.ts'
import { deadLetters, type LetterFilter } from '../../recover/index.ts'
import type { CliIo } from '../io.ts'
import { logFolder, withLog } from '../open-log.ts'

export interface DlqExportOptions extends Pick<LetterFilter, 'status' | 'cause' | 'where'> {
  readonly log?: string
  readonly group: string
}

/** Prints events line by line: however many there are, one is held. */
export async function dlqExport(
  { log: folder, group, ...filter }: DlqExportOptions,
  io: CliIo,
): Promise<void> {
  await withLog(logFolder(folder, io), async ({ log }) => {
    const of = { log, group, clock: systemClock, random: systemRandom, by: 'cli', topicOf: () => undefined }
    for await (const line of deadLetters(of).export(filter)) io.out(`${line}\n`)
  })
}
