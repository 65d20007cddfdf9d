import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { onTestFinished, vi } from 'vitest'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import type { LogSystem } from '../../src/log/index.ts'
import { isAlive } from '../../src/server/processes.ts'
import type { LocalPostgres } from '../../src/server/local-postgres.ts'
import type { Load } from '../client/plan.ts'
import { startChild, type Child } from '../harness/child.ts'
import { scale } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { emptyKafka, lentKafka } from '../kafka.ts'
import { ownPostgres } from '../postgres.ts'
import type { MovesOptions } from '../apps/moves-app.ts'
import { movesLog } from '../apps/moves-log.ts'
import type { SharedTestLog } from '../support/test-logs.ts'
import { moves } from '../apps/moves-topic.ts'
import { readStatus, type Status } from './status.ts'
import { storeSchema, withClient } from './store.ts'

// Three processes and a database on a machine that does other things as well: only a hang meets these.
const PATIENCE_MS = 300_000
vi.setConfig({ testTimeout: scale({ short: PATIENCE_MS, long: 3_600_000 }) })

/** A whole Holdfast with its own PostgreSQL: two processes that a test may kill and start again. */
export interface System {
  readonly databaseUrl: string
  /** Folder of the log, if that is embedded. */
  readonly data: string
  /** Opens the log beside the processes of the app. An owner counts as gone when its process is: how long a lease lasts is the app's affair. */
  openLog(): Promise<LogSystem>
  /** The process that serves now. */
  readonly app: Child
  /** Options of a load of `moved` events on this system. */
  readonly load: Pick<Load, 'url' | 'headers' | 'body' | 'data' | 'maxInFlight'>
  /** Where the process that serves now shows how it is. */
  readonly adminPort: number
  /** Kills the server and all its backends. Answers when it is seen to be gone. */
  killPostgres(): Promise<PostgresKill>
  startPostgres(): Promise<void>
  /** Starts the app process again, on the same ports and folder, after it was killed or stopped. */
  startApp(): Promise<void>
  /** Starts one more process that only consumes, on the same log; by the command `within`, such as `nice`. */
  startConsumer(settings?: Partial<MovesOptions>, within?: readonly string[]): Promise<Consumer>
  /** Starts one more process that only collects, on another host, with the address of its door there. */
  startCollector(within: readonly string[]): Promise<{ readonly child: Child; readonly url: string }>
  status(): Promise<Status>
  /** Waits until every group has done all that is in the log. */
  drained(): Promise<Status>
}

export interface Consumer {
  readonly child: Child
  status(): Promise<Status>
}

export interface PostgresKill {
  readonly pid: number
  /** How often a connection was refused while it was away; asked by the test itself. */
  readonly refused: () => Promise<number>
}

/** What a test says of the system that it wants. */
export interface SystemOptions extends Pick<MovesOptions, 'groups'>, Partial<Omit<MovesOptions, 'groups'>> {
  /** Of the processes of the app, not of PostgreSQL. */
  readonly env?: Env
  /** Where its log is. Defaults to an embedded one, and with HOLDFAST_TEST_LOG=kafka to Kafka. */
  readonly on?: SharedTestLog
}

export async function startSystem({ env = {}, on, ...options }: SystemOptions): Promise<System> {
  const brokers = options.brokers ?? (on ? (await on.place()).brokers : await brokersIfAsked(options))
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const data = options.data ?? join(folder, 'log')
  const logFile = join(folder, 'postgres.log')
  let postgres: LocalPostgres
  const first = await ownPostgres({ logFile })
  postgres = first
  await withClient(first.url, client => client.query(storeSchema))
  const settings: MovesOptions = { ...options, data, brokers, database: first.url, door: 0, admin: 0 }
  let { app, ports } = await startMoves(settings, env)

  const status = (): Promise<Status> => readStatus(ports.admin)
  return {
    databaseUrl: first.url,
    data,
    openLog: () =>
      movesLog({ data, brokers, ...(brokers ? {} : { sessionMs: 3_600_000 }) }).open({
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
      }),
    get app() {
      return app
    },
    get adminPort() {
      return ports.admin
    },
    load: {
      url: eventsAt(ports.door),
      headers: { 'x-api-key': 'pk_demo' },
      body: '{"type":"moved","id":"{id}","data":{data}}',
      data: '{"vehicle":"{key}","n":{n}}',
      // Ten seconds of the highest load: a slow machine shows in the latency, and only a hang in what is unsent.
      maxInFlight: 20_000,
    },
    async killPostgres() {
      const { pid } = postgres
      await postgres.kill()
      if (isAlive(pid)) throw new Error(`postmaster ${pid} lives after SIGKILL`)
      return { pid, refused: () => countRefused(postgres.port) }
    },
    async startPostgres() {
      const said = readFileSync(logFile, 'utf8').length
      postgres = await first.again()
      // The server's own words: it did not go down in order, so the kill was one.
      await until('PostgreSQL says that it recovers', () =>
        /not properly shut down|was interrupted/.test(readFileSync(logFile, 'utf8').slice(said)),
      )
    },
    async startApp() {
      ;({ app, ports } = await startMoves({ ...settings, ...ports }, env))
    },
    async startConsumer(own = {}, within) {
      const { app: child, ports } = await startMoves(
        { ...settings, ...own, roles: ['consumers'] },
        env,
        within,
      )
      return { child, status: () => readStatus(ports.admin) }
    },
    async startCollector(within) {
      const elsewhere = { ...settings, data: `${data}-elsewhere`, roles: ['collector'] as const }
      const { app: child, ports } = await startMoves(elsewhere, env, within)
      return { child, url: eventsAt(ports.door) }
    },
    status,
    drained: () =>
      until(
        'every group has done everything',
        async () => {
          const now = await status()
          // Right after a start nothing is owned yet, and nothing owned is nothing behind.
          return now.groups.every(done) && now
        },
        scale({ short: PATIENCE_MS, long: 1_800_000 }),
      ),
  }
}

/** A test that says where its log lies on a disk is about that disk. */
async function brokersIfAsked({ data }: Partial<MovesOptions>): Promise<readonly string[] | undefined> {
  if (process.env['HOLDFAST_TEST_LOG'] !== 'kafka' || data !== undefined) return undefined
  const lent = await lentKafka()
  onTestFinished(() => lent.giveBack())
  await emptyKafka(lent.brokers)
  return [lent.brokers]
}

function done({ state, lag, parked, partitions }: Status['groups'][number]): boolean {
  return state === 'running' && lag === 0 && parked === 0 && partitions.length === moves.partitions
}

function eventsAt(door: number): string {
  return `http://127.0.0.1:${door}/v1/topics/moves/events`
}

type Env = Readonly<Record<string, string>>

async function startMoves(
  settings: MovesOptions,
  env: Env,
  within?: readonly string[],
): Promise<{ app: Child; ports: { door: number; admin: number } }> {
  const main = join(import.meta.dirname, '../apps/moves.ts')
  const args = ['--conditions=holdfast-source', main, JSON.stringify(settings)]
  const app = await startChild({ name: 'moves', args, env, ...(within && { within }) })
  const [, ports = '{}'] = await app.line(/^up (\{.*\})$/)
  return { app, ports: JSON.parse(ports) as { door: number; admin: number } }
}

/** Ten tries to connect. */
async function countRefused(port: number): Promise<number> {
  const tries = await Promise.all(
    Array.from(
      { length: 10 },
      () =>
        new Promise<boolean>(resolve => {
          const socket = connect(port, '127.0.0.1')
          socket.on('connect', () => resolve(false)).on('error', () => resolve(true))
          socket.on('connect', () => socket.destroy())
        }),
    ),
  )
  return tries.filter(Boolean).length
}
