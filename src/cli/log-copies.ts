import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { backupLog, compactLog, restoreLog, type Copied } from '../drivers/embedded/index.ts'
import { bytes, count } from '../server/readable.ts'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'

interface Output {
  readonly output: 'table' | 'json'
}

/** Copies a log, in use or not, into one file that is checked. */
export async function logBackup(folder: string, file: string, { output }: Output, io: CliIo): Promise<void> {
  refuseMissing(folder, 'Name the folder of the log, for example .holdfast/log.')
  if (existsSync(file)) {
    throw new CliError(`${path.resolve(file)} exists`, exitCode.refused, {
      next: 'A backup never overwrites: give it another name.',
    })
  }
  print('backed up', await backupLog(folder, file), output, io)
}

/** Makes a log out of a backup, in a new folder. */
export async function logRestore(file: string, folder: string, { output }: Output, io: CliIo): Promise<void> {
  refuseMissing(file, 'Name a file that holdfast log backup has written.')
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new CliError(`${path.resolve(folder)} is not empty`, exitCode.refused, {
      next: 'A restore never overwrites: name a new folder, or move this one away.',
    })
  }
  print('restored', await restoreLog(file, folder), output, io)
  io.err(
    'Events accepted after the backup are not in it. A database that has seen them is ahead of this log: restore it to the same time or earlier.\n',
  )
}

/** Gives the room of deleted events back to the disk. */
export async function logCompact(folder: string, { output }: Output, io: CliIo): Promise<void> {
  refuseMissing(folder, 'Name the folder of the log, for example .holdfast/log.')
  const compacted = await compactLog(folder)
  const { bytesBefore, bytesAfter } = compacted
  io.out(
    output === 'json'
      ? `${JSON.stringify({ format: 1, ...compacted }, undefined, 2)}\n`
      : `${compacted.folder}: ${bytes(bytesBefore)} before, ${bytes(bytesAfter)} now\n`,
  )
}

function refuseMissing(what: string, next: string): void {
  if (!existsSync(what)) throw new CliError(`there is no ${path.resolve(what)}`, exitCode.notFound, { next })
}

function print(verb: string, { report, ...copied }: Copied, output: Output['output'], io: CliIo): void {
  const records = report.partitions.reduce((sum, partition) => sum + partition.records, 0)
  io.out(
    output === 'json'
      ? `${JSON.stringify({ format: 1, ...copied, records }, undefined, 2)}\n`
      : `${verb} ${copied.from} to ${copied.to}: ${count(records)} records, ${bytes(copied.bytes)}, as of ${new Date(copied.at).toISOString()}, checked\n`,
  )
}
