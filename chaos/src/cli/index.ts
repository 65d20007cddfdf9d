import { InvalidArgumentError, Option, type Command } from 'commander'
import { arms } from '../arms/index.ts'
import { writeReport } from '../report/write-report.ts'
import { postgresFaults } from '../scenario/choose-scenario.ts'
import { secondsOf } from '../scenario/duration.ts'
import { compareText } from './compare.ts'
import type { CliIo } from './io.ts'
import { listing } from './list.ts'
import { loadCommand, type LoadOptions } from './load-command.ts'
import { ownCommand, type OwnOptions } from './own-command.ts'
import { readResult } from './read-result.ts'
import { runCommand, runsFolder, type RunOptions } from './run-command.ts'

/**
 * Adds `chaos` and `load` to a `holdfast` command. `ended` gets the exit code of a command that ends with another than
 * 0; `args` is the command line, for the report.
 */
export function register(
  program: Command,
  io: CliIo,
  ended: (code: number) => void,
  args: readonly string[],
): void {
  const chaos = program
    .command('chaos')
    .description('experiments: the same load on several systems while something dies')
  chaos
    .command('run')
    .argument('[scenario]', 'a scenario of chaos list, or a YAML file', 'rest-vs-log')
    .option('--quick', 'everything in proportion, 45 s for each arm')
    .option('--duration <time>', 'everything in proportion, so long for each arm', seconds)
    .option('--arms <names>', 'only these, separated by commas', names)
    .option('--rate <n>', 'events a second', positive)
    .addOption(new Option('--fault <kind>', 'what happens to PostgreSQL').choices(postgresFaults))
    .option('--fault-at <time>', 'when it begins, after the start of the load', seconds)
    .option('--fault-for <time>', 'how long it lasts', seconds)
    .option(
      '--assert <check>',
      'instead of the checks of the scenario: "lost == 0" for every arm, "rest: failed_share > 20%" for one; may be repeated',
      repeated,
    )
    .option(
      '--postgres <url>',
      'a PostgreSQL of your own; databases named chaos_… are made in it and dropped, and it is never killed',
    )
    .option('--live', 'serve a page that shows the run while it goes on')
    .option('--seed <n>', 'chooses the keys', whole, 1)
    .option('--json <file>', 'a copy of result.json')
    .option('--report <file>', 'where the report goes (default: report.html beside result.json)')
    .description(
      'run a scenario, audit every event by id, and write a report; exit code 7 when a check fails, 1 when the run cannot be believed, 130 after Ctrl-C',
    )
    .action(async (scenario: string, options: RunOptions) => {
      ended(await runCommand(scenario, options, args, io))
    })
  withTarget(chaos.command('own'))
    .requiredOption('--postgres <url>', 'the database of its rows, which is only read')
    .requiredOption(
      '--query <sql>',
      'answers id, key and payload (the text of --data as it was sent), a row for each applied event, in the order of application',
    )
    .option('--rate <n>', 'events a second', positive, 50)
    .option('--duration <time>', 'such as 30s or 5m', seconds, 60)
    .option('--keys <n>', 'different keys', whole, 50)
    .option('--timeout <time>', 'a request without an answer for so long is given up', seconds, 5)
    .option('--attempts <n>', 'sends of one event at most, with backoff and jitter', whole, 1)
    .option('--seed <n>', 'chooses the keys', whole, 1)
    .option('--json <file>', 'a copy of result.json')
    .option('--report <file>', 'where the report goes (default: report.html beside result.json)')
    .option('--live', 'serve a page that shows the run while it goes on')
    .description(
      'send events to a service of your own, audit its rows by id, and write a report; the faults are yours to make; exit codes as of run',
    )
    .action(async (options: OwnOptions) => ended(await ownCommand(options, args, io)))
  chaos
    .command('list')
    .description('list scenarios, arms with their flags, and the runs so far')
    .action(() => io.out(listing(Object.values(arms), runsFolder(io.env))))
  chaos
    .command('compare')
    .argument('<a>', 'a result.json')
    .argument('<b>', 'another')
    .option('--anyway', 'also when they are runs of different scenarios')
    .description('print two runs side by side, with what has changed')
    .action((a: string, b: string, options: { readonly anyway?: boolean }) =>
      io.out(compareText(readResult(a), readResult(b), options)),
    )
  chaos
    .command('report')
    .argument('<result>', 'a result.json')
    .argument('[file]', 'where the report goes', 'report.html')
    .description('draw the report of a run again')
    .action(async (result: string, file: string) => {
      await writeReport(readResult(result), file)
      io.err(`${file}\n`)
    })

  withTarget(program.command('load'))
    .requiredOption('--rate <n>', 'events a second', positive)
    .requiredOption('--duration <time>', 'such as 30s or 5m', seconds)
    .option('--keys <n>', 'different keys', whole, 50)
    .option('--zipf <skew>', '0 takes the keys evenly, 1 the first one far more often', number, 0)
    .option('--timeout <time>', 'a request without an answer for so long is given up', seconds, 5)
    .option(
      '--max-in-flight <n>',
      'what is due while so many are under way is not sent, and counts',
      whole,
      2_000,
    )
    .option('--attempts <n>', 'sends of one event at most, with backoff and jitter', whole, 1)
    .option('--threads <n>', 'threads that send (default: one for each 1,500 events a second)', whole)
    .option('--seed <n>', 'chooses the keys', whole, 1)
    .option('--ledger <folder>', 'keeps what was sent and answered, by id (default: a new folder)')
    .option('--k6', 'print the same load as a script for k6, and send nothing')
    .description(
      'send events on a schedule that nothing moves and print what became of them; exit code 1 unless all were accepted',
    )
    .action(async (options: LoadOptions) => ended(await loadCommand(options, Date.now, io)))
}

/** Where events go and what they look like. */
function withTarget(command: Command): Command {
  return command
    .requiredOption('--target <url>', 'where each event is posted to')
    .option('--key <key>', 'sent as X-Api-Key')
    .option('--header <header>', 'another header, "Name: value"; may be repeated', repeated, [])
    .option('--type <type>', 'type of the events', 'load')
    .option('--data <template>', 'payload, with {id}, {key} and {n}', '{"key":"{key}","n":{n}}')
    .option('--body <template>', 'request, with {id}, {key}, {n} and {data} (default: an event of that type)')
}

function seconds(text: string): number {
  const value = secondsOf(text)
  if (value === undefined || value <= 0) throw new InvalidArgumentError('a duration such as 45s, 2m or 500ms')
  return value
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('a number from 0')
  return value
}

function positive(text: string): number {
  const value = number(text)
  if (value === 0) throw new InvalidArgumentError('a number above 0')
  return value
}

function whole(text: string): number {
  const value = positive(text)
  if (!Number.isInteger(value)) throw new InvalidArgumentError('a whole number from 1')
  return value
}

function names(text: string): string[] {
  return text.split(',').map(name => name.trim())
}

function repeated(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}
