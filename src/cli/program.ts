import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { version } from '../version.ts'
import { addAudit } from './commands/audit.ts'
import { addCheck } from './commands/check.ts'
import { addCircuit } from './commands/circuit.ts'
import { addRetry } from './commands/retry.ts'
import { addDlq } from './commands/dlq.ts'
import { addEvent } from './commands/event.ts'
import { addCompletion } from './commands/completion.ts'
import { addConfig } from './commands/config.ts'
import { addContext } from './commands/context.ts'
import { addGroup } from './commands/group.ts'
import { addTopicEvents } from './commands/topic-events.ts'
import { addTopic } from './commands/topic.ts'
import { addReplay } from './commands/replay.ts'
import { advise, type AdviseOptions } from './advise.ts'
import { dbMigrate, type DbMigrateOptions } from './db-migrate.ts'
import { dev } from './dev.ts'
import { doctor, type DoctorOptions } from './doctor/doctor.ts'
import { exitCode, exitCodeOf } from './exit-code.ts'
import { addExperiment } from './experiment.ts'
import { explainError } from './explain-error.ts'
import type { CliIo } from './io.ts'
import { logBackup, logCompact, logRestore } from './log-copies.ts'
import { logStats } from './log-stats.ts'
import { logVerify } from './log-verify.ts'
import { logMigrate, type LogMigrateOptions } from './migrate/log-migrate.ts'
import { schemaCheck, type SchemaCheckOptions } from './schema-check.ts'
import { logOptions, operating, withAll } from './operating.ts'
import { outboxDrain, outboxRebase, outboxStatus, type DrainOptions } from './outbox.ts'
import { roleAndFile, start, type StartOptions } from './start.ts'
import { watchDev } from './watch-dev.ts'
import { describeError } from '../server/describe-error.ts'
import { PORT_RULE, portIn, portSetting } from '../server/port-setting.ts'

/** Runs one command line and answers its exit code. Never throws and never ends the process. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  let code: number = exitCode.ok
  try {
    const program = await cliProgram(io, given => void (code = given), args)
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    // commander has already written its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage
    io.err(describeError(error))
    return exitCodeOf(error)
  }
}

/** All commands. A command that ends well with another code than 0 gives it to `ended`. */
export async function cliProgram(
  io: CliIo,
  ended: (code: number) => void,
  args: readonly string[],
): Promise<Command> {
  const program = new Command('holdfast')
    .description(
      'Durable events for TypeScript: an HTTP collector, a log, and consumer groups whose effects happen once',
    )
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .showHelpAfterError('(holdfast --help lists the commands)')

  program
    .command('start')
    .usage('[options] [collector|consumers|relay|all] <app>')
    .argument('<role-or-app>', 'what this process does of the app (default: all), or the app')
    .argument('[app]', 'a module whose default export is an app')
    .option('--admin-port <port>', 'port of the status page (default: HOLDFAST_ADMIN_PORT or 4310)', port)
    .description(
      'run an app until Ctrl-C: first one drains, second one ends at once; HOLDFAST_PORT is the port of its collector',
    )
    .action(async (first: string, second: string | undefined, options: StartOptions) => {
      ended(await start(roleAndFile(first, second), portsOf(options, io), io))
    })

  program
    .command('dev')
    .argument('<app>', 'a module whose default export is an app')
    .option('--admin-port <port>', 'port of the status page (default: HOLDFAST_ADMIN_PORT or 4310)', port)
    .option('--no-watch', 'do not start again when a file beside the app changes')
    .description(
      'run an app as one process, print each event with its path and time, and start again at every change',
    )
    .action(async (file: string, { watch, ...options }: StartOptions & { readonly watch: boolean }) => {
      const ports = portsOf(options, io)
      ended(watch ? await watchDev(file, ports, io) : await dev(file, ports, io))
    })

  program
    .command('doctor')
    .argument(
      '[app]',
      'a module whose default export is an app; without it: the folder, ports and database of npm start',
    )
    .option('--json', 'print JSON')
    .option(
      '--launch',
      'the ten things of docs/adopt.md: what a machine can check, and questions for the rest',
    )
    .description(
      'check this machine, the log, the database and the app, changing nothing; exit code 7 when a check fails',
    )
    .action((file: string | undefined, options: DoctorOptions) => doctor(file, options, io))

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

  const operate = operating(io, ended)
  addTopicEvents(addTopic(program, operate), operate)
  addEvent(program, operate)
  addGroup(program, operate)
  addCircuit(program, operate)
  addDlq(program, operate)
  addRetry(program, operate)
  addReplay(program, operate)
  addAudit(program, operate)
  addCheck(program, operate)
  addContext(program, io)
  addConfig(program, io, ended)

  const schema = program.command('schema').description('the schemas of events')
  schema
    .command('check')
    .argument('<app>', 'a module whose default export is an app')
    .option(
      '--dir <folder>',
      'where the committed snapshots are, one file for each topic',
      'holdfast/schemas',
    )
    .option('--update', 'write the snapshots, unless something breaks')
    .option(
      '--accept-breaking',
      'with --update: write them all the same, when no such event is in a log any more',
    )
    .addOption(output())
    .description(
      'compare the event types of an app with a committed snapshot; exit code 7 when events in the log could not be read, or the snapshot is out of date',
    )
    .action((file: string, options: SchemaCheckOptions) => schemaCheck(file, options, io))

  const db = program.command('db').description('the schema holdfast in PostgreSQL')
  db.command('migrate')
    .option('--url <url>', 'the database (default: DATABASE_URL)')
    .option('--print', 'print the SQL and touch nothing')
    .description('make the schema or bring it up to date')
    .action((options: DbMigrateOptions) => dbMigrate(options, io))

  const outbox = program
    .command('outbox')
    .description('events that commit with a row, on their way to the log')
  outbox
    .command('status')
    .option('--url <url>', 'the database (default: DATABASE_URL)')
    .addOption(output())
    .description('print what waits, who moves it, and which open transaction holds it back')
    .action((options: { url?: string; output: 'table' | 'json' }) => outboxStatus(options, io))
  withAll(outbox.command('drain'), logOptions())
    .option('--url <url>', 'the database (default: DATABASE_URL)')
    .addOption(output())
    .description(
      'move what waits to the log, now, and end; refused while a relay works, which moves it anyway',
    )
    .action((options: DrainOptions) => outboxDrain(options, io))
  outbox
    .command('rebase')
    .option('--url <url>', 'the database (default: DATABASE_URL)')
    .option('--execute', 'do it; without it nothing is changed')
    .description('after a restore into another cluster: give waiting rows transaction ids of this one')
    .action((options: { url?: string; execute?: boolean }) => outboxRebase(options, io))

  program
    .command('advise')
    .option('--rate <n>', 'requests a second at the peak', amount)
    .option('--consumers <n>', 'how many want to read the same event', amount)
    .addOption(
      new Option('--consistency <kind>', 'whether whoever writes must read it at once').choices([
        'strong',
        'eventual',
      ]),
    )
    .option(
      '--answer-within-ms <n>',
      'the caller needs the result itself within so many milliseconds',
      amount,
    )
    .option('--monolith', 'it is one')
    .option('--hide-failures', 'customers must not see that a service is down')
    .addOption(
      new Option('--operations <skill>', 'who runs brokers and databases').choices([
        'little',
        'some',
        'platform',
      ]),
    )
    .option('--team <n>', 'engineers altogether', amount)
    .option('--services <n>', 'services that answer one after another for one request', amount)
    .option('--availability <percent>', 'of each of them (default: 99.9)', percent)
    .option('--value <dollars>', 'what one request is worth', amount)
    .option('--outage <seconds>', 'how long an outage lasts', amount)
    .option('--refused <percent>', 'share of the requests that is refused meanwhile', percent)
    .option('--outages <n>', 'outages a year', amount)
    .addOption(output())
    .description(
      'say whether a log is the right thing at all, what outages cost, and what to take instead; asks on a terminal when nothing is given',
    )
    .action((options: AdviseOptions) => advise(options, io))

  program
    .command('explain-error')
    .argument('<code>', 'an error code such as LOG_FULL, or a problem of the collector such as not_stored')
    .description('say what an error code means and what to do')
    .action((given: string) => io.out(explainError(given)))

  addCompletion(program, io)
  await addExperiment(program, io, ended, args)
  return program
}

function portsOf({ adminPort }: StartOptions, { env }: CliIo): StartOptions {
  return {
    adminPort: adminPort ?? portSetting(env, 'HOLDFAST_ADMIN_PORT', undefined),
    port: portSetting(env, 'HOLDFAST_PORT', undefined),
  }
}

function port(text: string): number {
  const value = portIn(text)
  if (value === undefined) throw new InvalidArgumentError(`a port ${PORT_RULE}`)
  return value
}

function amount(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('a number from 0')
  return value
}

function percent(text: string): number {
  const value = amount(text.replace(/\s*%$/, ''))
  if (value > 100) throw new InvalidArgumentError('a share is 0 to 100 per cent')
  return value
}

function output(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table')
}
