import { Option, type Command } from 'commander'
import type { CliIo } from '../io.ts'
import { logBackup, logCompact, logRestore } from '../log-copies.ts'
import { logStats } from '../log-stats.ts'
import { logVerify } from '../log-verify.ts'
import { logMigrate, type LogMigrateOptions } from '../migrate/log-migrate.ts'
import { amount, output } from './options.ts'

/** `log`: to look after a log on this machine, without a process that runs it. */
export function addLog(program: Command, io: CliIo, ended: (code: number) => void): void {
  const log = program.command('log').description('look after a log on this machine')
  log
    .command('verify')
    .argument('<folder>', 'the folder of the log')
    .addOption(output())
    .description('check every byte; exit code 7 when something is damaged')
    .action((folder: string, options: { output: 'table' | 'json' }) => logVerify(folder, options, io))

  log
    .command('stats')
    .argument('<folder>', 'the folder of the log; it may be in use')
    .addOption(output())
    .description('what is in each partition, and how far each group is')
    .action((folder: string, options: { output: 'table' | 'json' }) => logStats(folder, options, io))
  log
    .command('backup')
    .argument('<folder>', 'the folder of the log; it may be in use')
    .argument('<file>', 'where the copy goes; a file that exists is never overwritten')
    .addOption(output())
    .description('copy a log into one file, as it is at one moment, and check the copy')
    .action((folder: string, file: string, options: { output: 'table' | 'json' }) =>
      logBackup(folder, file, options, io),
    )
  log
    .command('restore')
    .argument('<file>', 'a file that log backup has written')
    .argument('<folder>', 'where the log goes; a folder that is not empty is never overwritten')
    .addOption(output())
    .description('make a log out of a backup, and check it')
    .action((file: string, folder: string, options: { output: 'table' | 'json' }) =>
      logRestore(file, folder, options, io),
    )
  log
    .command('compact')
    .argument('<folder>', 'the folder of the log; refused while it is in use')
    .addOption(output())
    .description('give the room of deleted events back to the disk, by a checked copy')
    .action((folder: string, options: { output: 'table' | 'json' }) => logCompact(folder, options, io))

  log
    .command('migrate')
    .addOption(new Option('--from <kind>', 'what the log is').choices(['embedded']).makeOptionMandatory())
    .addOption(
      new Option('--to <kind>', 'what it becomes').choices(['kafka', 'embedded']).makeOptionMandatory(),
    )
    .option('--log <folder>', 'the folder of the log (default: .holdfast/log, or below HOLDFAST_DATA)')
    .option('--app <file>', 'a module whose default export is the app as it will be: its log is the new one')
    .option('--brokers <list>', 'host:port,… of a Kafka without TLS and login (default: KAFKA_BROKERS)')
    .option(
      '--replication <n>',
      'with --brokers: copies of each partition (default: as the brokers are set)',
      amount,
    )
    .option('--target <folder>', 'the folder of the new log, with --to embedded')
    .option('--dry-run', 'only say what would be copied, and what stands in the way')
    .option('--follow', 'copy while the log is in use, and move when nobody uses it any more')
    .addOption(output())
    .description(
      'copy a log to another one with all positions, waiting retries and dead letters at their offsets, compare it, and let groups go on there',
    )
    .action(async (options: LogMigrateOptions) => ended(await logMigrate(options, io)))
}
