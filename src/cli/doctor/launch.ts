import type { GroupSettings } from '../../consume/index.ts'
import type { Finding } from '../../event/index.ts'
import { topicsOf, type Declared } from '../../server/declared.ts'
import { age } from '../../server/readable.ts'

/** One of the ten things to settle before customers depend on an app: docs/adopt.md. */
export interface LaunchItem extends Omit<Finding, 'status'> {
  /** `ask`: no machine can answer it; `found` is the question, or what helps to answer it. */
  readonly status: Finding['status'] | 'ask'
}

/** What else was looked at. */
export interface LaunchFacts {
  /** The app's file, for commands to run. */
  readonly file: string
  /** What `holdfast doctor` found on this machine. */
  readonly machine: readonly Finding[]
  /** Topics that have a committed snapshot of their schemas. */
  readonly snapshots: ReadonlySet<string>
  /** The newest experiment that ran to its end here, if any. */
  readonly drill: Drill | undefined
}

export interface Drill {
  readonly id: string
  readonly passed: number
  readonly checks: number
}

/** All ten, in the order of docs/adopt.md. */
export function launchItems(declared: Declared, facts: LaunchFacts): LaunchItem[] {
  return [
    effectsOnce(declared),
    order(declared),
    retention(declared),
    failure(declared),
    schemas(declared, facts),
    senders(declared),
    machine(facts),
    drill(facts),
    {
      check: 'alarms',
      status: 'ask',
      found: 'Who is told when /readyz says no, a lag grows or a dead letter appears? Was it tried once?',
    },
    {
      check: 'way back',
      status: 'ask',
      found:
        'Was a backup of log and database restored, both of the same time? How is the old path switched on again?',
    },
  ]
}

function effectsOnce({ groups }: Declared): LaunchItem {
  const check = 'effects once'
  const atLeastOnce = groups.flatMap(({ group, handlers }) =>
    [...handlers].flatMap(([event, { kind }]) => (kind === 'on' ? [`${group}: ${event}`] : [])),
  )
  return atLeastOnce.length === 0
    ? { check, status: 'ok', found: 'every handler commits with the proof that its event was applied' }
    : {
        check,
        status: 'ask',
        found: `At least once: ${atLeastOnce.join(', ')}. Does each hand context.idempotencyKey on, and does the other side heed it?`,
      }
}

function order(declared: Declared): LaunchItem {
  const check = 'order'
  const keyless = topicsOf(declared).filter(({ keyed }) => !keyed)
  return keyless.length === 0
    ? { check, status: 'ok', found: 'every topic has a key' }
    : {
        check,
        status: 'warn',
        found: `no key: ${keyless.map(({ name }) => name).join(', ')}. Events of one thing may overtake each other`,
        advice:
          'Give the topic the name of the field that says what an event is about, or be sure that order is of no use.',
      }
}

const WEEKEND_MS = 3 * 24 * 3_600_000

function retention(declared: Declared): LaunchItem {
  const check = 'retention'
  const short = topicsOf(declared).filter(({ retainMs }) => retainMs < WEEKEND_MS)
  return short.length === 0
    ? { check, status: 'ok', found: 'every topic outlives a weekend without its readers' }
    : {
        check,
        status: 'warn',
        found: short.map(({ name, retainMs }) => `${name} keeps ${age(retainMs / 1000)}`).join(', '),
        advice:
          'What a group has not read by then is deleted. Keep events longer than your longest absence: retain.',
      }
}

function failure({ groups }: Declared): LaunchItem {
  const check = 'failure'
  const calls = ({ handlers }: GroupSettings): boolean =>
    [...handlers.values()].some(({ kind }) => kind === 'on')
  const found = [
    ...groups
      .filter(({ retryDelaysMs }) => retryDelaysMs.length === 0)
      .map(({ group }) => `${group} buries at the first failure`),
    ...groups
      .filter(group => calls(group) && Object.keys(group.needs).length === 0)
      .map(({ group }) => `${group} calls out and names nothing that it needs`),
  ]
  return found.length === 0
    ? { check, status: 'ok', found: 'groups retry, and pause while what they need is away' }
    : {
        check,
        status: 'warn',
        found: found.join(', '),
        advice:
          'Name what a handler calls in needs: while it is away the group pauses instead of filling the dead letters.',
      }
}

function schemas(declared: Declared, { snapshots, file }: LaunchFacts): LaunchItem {
  const check = 'schemas'
  const missing = topicsOf(declared).filter(({ name }) => !snapshots.has(name))
  return missing.length === 0
    ? { check, status: 'ok', found: 'every topic has a snapshot; holdfast schema check compares them' }
    : {
        check,
        status: 'warn',
        found: `no snapshot: ${missing.map(({ name }) => name).join(', ')}`,
        advice: `Write and commit them, and check them in CI: holdfast schema check ${file} --update`,
      }
}

/** Keys of examples, which the whole world knows. */
const KNOWN_KEYS = /demo|test|example|change.?me|secret/i
const MIN_KEY_CHARS = 16

function senders({ collector }: Declared): LaunchItem {
  const check = 'senders'
  const keys = Object.keys(collector?.keys ?? {})
  const weak = keys.filter(key => KNOWN_KEYS.test(key) || key.length < MIN_KEY_CHARS)
  if (weak.length > 0)
    return {
      check,
      status: 'fail',
      // Not even a weak key is printed.
      found: `${weak.length} of ${keys.length} keys of the collector are short or those of an example`,
      advice: `Give each sender a random key of its own, of at least ${MIN_KEY_CHARS} characters, from the environment.`,
    }
  return {
    check,
    status: 'ok',
    found: keys.length === 0 ? 'no collector here' : `${keys.length} keys of senders`,
  }
}

function machine({ machine, file }: LaunchFacts): LaunchItem {
  const check = 'machine'
  const worse = machine.filter(({ status }) => status !== 'ok')
  const worst = machine.some(({ status }) => status === 'fail') ? 'fail' : 'warn'
  return worse.length === 0
    ? { check, status: 'ok', found: `${machine.length} checks of holdfast doctor passed` }
    : {
        check,
        status: worst,
        found: worse.map(one => `${one.check}: ${one.found}`).join('; '),
        advice: `holdfast doctor ${file} says what to do.`,
      }
}

function drill({ drill }: LaunchFacts): LaunchItem {
  const check = 'drill'
  if (drill === undefined || drill.passed < drill.checks)
    return {
      check,
      status: 'warn',
      found:
        drill === undefined
          ? 'no experiment has run here'
          : `${drill.id}: ${drill.passed} of ${drill.checks} checks passed`,
      advice: 'Kill the database and a consumer under load before something else does: holdfast chaos run',
    }
  return {
    check,
    status: 'ask',
    found: `${drill.id}: all ${drill.checks} checks passed. Was the same done to your own app and its own database?`,
  }
}
