// `npm start`: the whole example in one process, with a log and a PostgreSQL of its own, unless
// KAFKA_BROKERS and DATABASE_URL name others.
import { existsSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { embedded, isHoldfastError, kafka, postgres } from 'holdfast'
import {
  abandonPostgres,
  describeError,
  endWithParent,
  holdPort,
  keepPostgres,
  outliveReaders,
  postgresFolder,
  processLogger,
  run,
  stopSignals,
  type HeldPort,
  type KeptPostgres,
} from 'holdfast/server'
import { campaigns } from './app.ts'
import { banner } from './banner.ts'
import { confirmReset, reset } from './reset.ts'
import { resumes } from './resumes.ts'
import { claimRun, forgetRun, noteRun, refuseSecondRun } from './run-file.ts'
import { sendSampleTraffic } from './sample-traffic.ts'
import { readSettings, type Settings } from './settings.ts'
import { createTables } from './tables.ts'

// From the first moment on: a database that is just being made must not outlive a Ctrl-C.
const signals = stopSignals()
endWithParent()
outliveReaders()
const logger = processLogger({ to: process.stderr, now: Date.now })

process.exit(
  await start(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(describeError(error))
    if (isHoldfastError(error, 'ALREADY_RUNNING')) return 3
    return isHoldfastError(error, 'CONFIRMATION_NEEDED') ? 4 : 1
  }),
)

/** Answers the exit code, when everything is stopped. */
async function start(args: readonly string[]): Promise<number> {
  const settings = readSettings(process.env, args)
  const { dataDir } = settings
  // First of all: the ports of a run on the same folder are taken too, and that would be the lesser news.
  refuseSecondRun(dataDir)
  let begunAt = 0
  if (settings.reset && !settings.yes && existsSync(dataDir)) {
    const { stdin: input, stderr: output } = process
    const asked = new AbortController()
    void signals.first.then(() => asked.abort())
    await confirmReset(dataDir, { input, output, signal: asked.signal })
    begunAt = performance.now()
  }
  // Before anything is started that would have to be stopped again.
  const door = await holdPort({ host: '127.0.0.1', port: settings.port, setBy: 'HOLDFAST_PORT' })
  const admin = await holdPort({ host: '127.0.0.1', port: settings.adminPort, setBy: 'HOLDFAST_ADMIN_PORT' })
  const claim = claimRun(dataDir)
  try {
    if (settings.reset) await reset(dataDir)
    const local = settings.databaseUrl === undefined ? await localPostgres(settings) : undefined
    return await runCampaigns({ settings, local, door, admin, begunAt })
  } finally {
    claim.release()
  }
}

interface Parts {
  readonly settings: Settings
  /** Undefined when DATABASE_URL names another. */
  readonly local: KeptPostgres | undefined
  readonly door: HeldPort
  readonly admin: HeldPort
  /** Milliseconds from the beginning of this process until nobody had to be asked any more. */
  readonly begunAt: number
}

async function runCampaigns({ settings, local, door, admin, begunAt }: Parts): Promise<number> {
  const { dataDir, databaseUrl = local?.url ?? '' } = settings
  const traffic = new AbortController()
  try {
    await createTables(databaseUrl)
    const { brokers } = settings
    const log = brokers ? kafka({ brokers }) : embedded(path.join(dataDir, 'log'))
    const db = postgres(databaseUrl, { maxConnections: 16 })
    const adminUrl = `http://127.0.0.1:${admin.port}`
    const app = campaigns({
      log,
      db,
      logger,
      port: door.port,
      statusUrl: adminUrl,
      spool: { folder: path.join(dataDir, 'spool') },
    })

    await Promise.all([door.release(), admin.release()])
    const { ended } = await run(app, {
      admin: { port: admin.port, tokens: settings.adminTokens },
      // Together with the end of PostgreSQL a Ctrl-C is over within 10 seconds.
      drain: '5s',
      logger,
      signals,
      alsoStop: [async () => traffic.abort(), async () => local?.stop(), async () => forgetRun(dataDir)],
    })
    const collectorUrl = `http://127.0.0.1:${door.port}`
    noteRun(dataDir, { pid: process.pid, collectorUrl, adminUrl, databaseUrl })
    process.stdout.write(
      banner({
        settings,
        log,
        db,
        local,
        resumed: resumes(await app.admin.report()),
        durability: app.system.log.durability,
        freeBytes: app.system.space?.().freeBytes,
        collectorUrl,
        adminUrl,
        startedInMs: performance.now() - begunAt,
      }),
    )
    if (settings.trafficPerSecond > 0) {
      void sendSampleTraffic({
        url: `${collectorUrl}/api/collect`,
        key: 'pk_demo',
        perSecond: settings.trafficPerSecond,
        signal: traffic.signal,
      })
    }
    const code = await ended
    // The second Ctrl-C: nothing is waited for any more, but no child is left behind.
    if (code === 130) await local?.kill()
    return code
  } catch (error) {
    traffic.abort()
    await local?.stop()
    throw error
  }
}

/** A real PostgreSQL below the data folder. */
async function localPostgres({ dataDir }: Settings): Promise<KeptPostgres> {
  const folder = postgresFolder(dataDir)
  let launching = true
  void signals.second.then(async () => {
    if (!launching) return // then it is up to the run
    await abandonPostgres(folder)
    process.exit(130)
  })
  try {
    return await keepPostgres({
      dataDir: folder,
      logFile: path.join(dataDir, 'logs', 'postgres.log'),
      logger,
    })
  } finally {
    launching = false
  }
}
