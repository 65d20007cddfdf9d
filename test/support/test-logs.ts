import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { afterAll, describe, vi } from 'vitest'
import { memory } from '../../src/drivers/memory/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import type { LogDriver, LogSystem } from '../../src/log/index.ts'
import { movesLog, type MovesLog } from '../apps/moves-log.ts'
import { openLog } from '../embedded/open.ts'
import { scale } from '../harness/scale.ts'
import { emptyKafka, lentKafka, noOwnKafka } from '../kafka.ts'

/** The first who asks waits for a broker to start, on a machine that does other things as well. */
const PATIENCE_MS = scale({ short: 300_000, long: 3_600_000 })
const IS_ON_KAFKA = process.env['HOLDFAST_TEST_LOG'] === 'kafka'
vi.setConfig({ hookTimeout: PATIENCE_MS, ...(IS_ON_KAFKA && { testTimeout: PATIENCE_MS }) })

/** A log that tests run on, whose bodies do not say which. */
export interface TestLog {
  readonly kind: 'memory' | 'embedded' | 'kafka'
  /** It knows the ids of events by itself: a sender's second try is stored once, and an id is found by an index. */
  readonly knowsIds: boolean
  /** A new one, with nothing in it, to be opened as often as a test likes. On Kafka what was there before is gone then. */
  fresh(timing?: Timing): Promise<LogDriver>
}

/** One that other processes can be told of. */
export interface SharedTestLog extends TestLog {
  readonly kind: 'embedded' | 'kafka'
  /** As {@link TestLog.fresh}; {@link movesLog} makes a driver of it, in any process. */
  place(timing?: Timing): Promise<MovesLog>
  /** The environment of commands that are to open the log there: of the embedded one its folder, of Kafka the app that names it. */
  env(place: MovesLog): Record<string, string>
}

/** How soon a member that is gone is missed. */
export type Timing = Pick<MovesLog, 'sessionMs' | 'beatMs'>

/**
 * Tests that run on each of these logs. With `HOLDFAST_TEST_LOG=kafka` in the environment they run on Kafka, whichever are
 * named: so what is not named here, because it would take long or has nothing to do with the log, can be tried all the same.
 */
export function describeOn<Kind extends TestLog['kind']>(
  kinds: readonly Kind[],
  title: string,
  tests: (log: 'memory' extends Kind ? TestLog : SharedTestLog) => void,
): void {
  const chosen = IS_ON_KAFKA ? (['kafka'] as const) : kinds
  for (const kind of chosen)
    describe.skipIf(kind === 'kafka' && noOwnKafka !== undefined)(
      `${title} on ${NAMES[kind]}`,
      kind === 'kafka' ? { timeout: PATIENCE_MS } : {},
      () =>
        // Of a log in memory no other process can be told, and no one who named it is given more.
        tests(makers[kind]() as SharedTestLog),
    )
}

/**
 * A new and empty log for tests that say nothing of logs: in memory, and on Kafka where the environment says so. To be
 * opened as often as a test likes.
 */
export function anyLog(): LogDriver {
  const place = anyPlace
  if (place === undefined) return memory()
  let made: Promise<LogDriver> | undefined
  const open: LogDriver['open'] = async env => (await (made ??= place({}).then(movesLog))).open(env)
  return { kind: 'kafka', where: 'the tests', remote: true, open }
}

/** A log as the file of an app names it. */
export interface NamedLog {
  /** The function that the file imports from holdfast. */
  readonly name: 'embedded' | 'kafka'
  /** Its call. */
  readonly code: string
  /** Beside the app whose file is in this folder. */
  open(folder: string): Promise<LogSystem>
}

/** A new one in a folder beside the file, and on Kafka where the environment says so. */
export async function namedLog(path: string): Promise<NamedLog> {
  const place = await anyPlace?.({})
  if (place === undefined)
    return {
      name: 'embedded',
      code: `embedded('${path}')`,
      open: folder => openLog(join(folder, path)),
    }
  const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const options = JSON.stringify({ brokers: place.brokers, replication: { factor: 1 } })
  return { name: 'kafka', code: `kafka(${options})`, open: () => movesLog(place).open(env) }
}

/** The environment of programs that take their log from `KAFKA_BROKERS`: one that is empty, where tests run on Kafka. */
export async function namedBrokers(): Promise<Record<string, string>> {
  const { brokers } = (await anyPlace?.({})) ?? {}
  return brokers === undefined ? {} : { KAFKA_BROKERS: brokers.join(',') }
}

const NAMES = { memory: 'a log in memory', embedded: 'an embedded log', kafka: 'Kafka' } as const

const makers: { readonly [Kind in TestLog['kind']]: () => TestLog } = {
  memory: () => ({ kind: 'memory', knowsIds: true, fresh: async () => memory() }),
  embedded: () => shared('embedded', true, placesInFolders()),
  kafka: () => shared('kafka', false, placesOnKafka()),
}

function shared(
  kind: SharedTestLog['kind'],
  knowsIds: boolean,
  place: (timing: Timing) => Promise<MovesLog>,
): SharedTestLog {
  return {
    kind,
    knowsIds,
    place: (timing = {}) => place(timing),
    fresh: async (timing = {}) => movesLog(await place(timing)),
    env(at) {
      if (kind === 'embedded') return { HOLDFAST_DATA: dirname(at.data) }
      const told = JSON.stringify(at)
      // Also for commands that run in this process.
      process.env['TEST_LOG'] = told
      return { TEST_LOG: told, HOLDFAST_APP: join(import.meta.dirname, '../fixtures/log-app.ts') }
    },
  }
}

function placesInFolders(): (timing: Timing) => Promise<MovesLog> {
  const folders: string[] = []
  afterAll(() => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })))
  return async timing => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-log-'))
    folders.push(folder)
    return { data: join(folder, 'log'), ...timing }
  }
}

function placesOnKafka(): (timing: Timing) => Promise<MovesLog> {
  let lent: ReturnType<typeof lentKafka> | undefined
  afterAll(async () => {
    delete process.env['TEST_LOG']
    await (await lent)?.giveBack()
  })
  return async timing => {
    const { brokers } = await (lent ??= lentKafka())
    await emptyKafka(brokers)
    return { data: '', brokers: [brokers], ...timing }
  }
}

/** One for the whole file, which gives it back at its end. */
const anyPlace = IS_ON_KAFKA ? placesOnKafka() : undefined
