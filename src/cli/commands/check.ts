import { InvalidArgumentError, Option, type Command } from 'commander'
import { circuitList } from '../../server/operations/circuits.ts'
import { groupList, type GroupListInput, type ListedGroup } from '../../server/operations/group-list.ts'
import { systemClock } from '../../event/index.ts'
import { CliError, exitCode } from '../exit-code.ts'
import type { AskOptions, Operating } from '../operating.ts'
import { withOutbox } from '../outbox.ts'
import { answerOf, type CheckFormat, type Measured } from '../check-answer.ts'

interface CheckOptions extends AskOptions {
  readonly warn: number
  readonly crit: number
  readonly format: CheckFormat
  readonly seconds?: boolean
  readonly group?: string
  readonly database?: string
}

/** What a check measures, one value for each thing. */
type Measure = (operating: Operating, options: CheckOptions) => Promise<readonly Measured[]>

/** What cannot be looked at must not look well. */
async function groupsSeen(
  operating: Operating,
  options: CheckOptions,
  input: GroupListInput,
): Promise<readonly ListedGroup[]> {
  const { groups, unseen } = await operating.ask(groupList, input, options)
  const missing = unseen.find(({ what }) => options.group === undefined || what === `group ${options.group}`)
  if (missing === undefined) return groups
  throw new CliError(`${missing.what} could not be looked at: ${missing.why}`, exitCode.failed, {
    next: 'Name a group that can be: --group NAME',
  })
}

const lag: Measure = async (operating, options) => {
  const groups = await groupsSeen(operating, options, {})
  return groups.map(one => ({ name: one.group, value: options.seconds === true ? one.lagSeconds : one.lag }))
}

const dlq: Measure = async (operating, options) => {
  const groups = await groupsSeen(operating, options, { letters: true })
  return groups.map(one => ({ name: one.group, value: one.letters ?? 0 }))
}

const circuit: Measure = async (operating, options) => {
  const { circuits } = await operating.ask(circuitList, {}, options)
  return circuits.map(one => ({ name: one.name, value: one.state === 'CLOSED' ? 0 : 1 }))
}

const outbox: Measure = async ({ io }, { database, seconds }) => {
  const { pending, oldestAt } = await withOutbox(database, io, one => one.status())
  const age = oldestAt === undefined ? 0 : Math.max(0, systemClock.now() - oldestAt) / 1_000
  return [{ name: 'outbox', value: seconds === true ? age : pending }]
}

/** `holdfast check …`: one number against two limits, for monitoring that runs commands. */
export function addCheck(program: Command, operating: Operating): void {
  const check = program.command('check').description('one figure against two limits, for monitoring')
  const add = (name: string, summary: string, measure: Measure): Command =>
    operating
      .asking(check, name)
      .description(`${summary}; exit code 7 when critical`)
      .requiredOption('--warn <n>', 'warning from this value on', limit)
      .requiredOption('--crit <n>', 'critical from this value on', limit)
      .addOption(
        new Option(
          '--format <format>',
          'nagios ends with its own codes: 0, 1, 2, and 3 when nothing is known',
        )
          .choices(['text', 'nagios', 'json', 'prometheus'])
          .default('text'),
      )
      .action((options: CheckOptions) => run(name, measure, operating, options))

  add('lag', 'how far the group is behind that is furthest behind', lag)
    .option('--seconds', 'the age of its oldest event instead of a count')
    .option('--group <name>', 'only of one group')
  add('dlq', 'how many dead letters are open in the group that has most', dlq).option(
    '--group <name>',
    'only of one group',
  )
  add('circuit', 'whether something that a running process needs is held back: 1 (--url)', circuit)
  add('outbox', 'how many rows of a database are not in the log yet', outbox)
    .option('--database <url>', 'the database (default: DATABASE_URL)')
    .option('--seconds', 'the age of the oldest of them instead of a count')
}

async function run(
  name: string,
  measure: Measure,
  operating: Operating,
  options: CheckOptions,
): Promise<void> {
  const { warn, crit, format, group } = options
  let measured: readonly Measured[]
  try {
    const all = await measure(operating, options)
    measured = all.filter(one => group === undefined || one.name === group)
    // A group that was renamed or misspelt must not look well for ever.
    if (group !== undefined && measured.length === 0)
      throw new CliError(`there is no group ${group}`, exitCode.notFound)
  } catch (error) {
    if (format !== 'nagios') throw error
    operating.io.out(`UNKNOWN - ${name}: ${error instanceof Error ? error.message : String(error)}\n`)
    return operating.ended(NAGIOS_UNKNOWN)
  }
  const { text, status } = answerOf({ name, measured, warn, crit, format })
  operating.io.out(text)
  if (format === 'nagios') operating.ended(status)
  else if (status === 2) operating.ended(exitCode.checkFailed)
}

const NAGIOS_UNKNOWN = 3

function limit(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('a number from 0')
  return value
}
