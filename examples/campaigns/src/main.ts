// `npm start`: the whole example in one process, with a PostgreSQL of its own unless DATABASE_URL names one.
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { embedded, postgres } from 'holdfast'
import {
  describeError,
  findPostgresBinaries,
  holdPort,
  keepPostgres,
  processLogger,
  run,
  stopSignals,
  type KeptPostgres,
} from 'holdfast/server'
import { campaigns } from './app.ts'
import { banner } from './banner.ts'
import { forgetRun, noteRun } from './run-file.ts'
import { sendSampleTraffic } from './sample-traffic.ts'
import { readSettings, type Settings } from './settings.ts'
import { createTables } from './tables.ts'

// From the first moment on: a database that is just being made must not outlive a Ctrl-C.
const signals = stopSignals()
const logger = processLogger({ to: process.stderr, now: Date.now })

process.exit(
  await start(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(describeError(error))
    return 1
  }),
)

/** Answers the exit code, when everything is stopped. */
async function start(args: readonly string[]): Promise<number> {
  const settings = readSettings(process.env, args)
  // Before anything is started that would have to be stopped again.
  const door = await holdPort({ host: '127.0.0.1', port: settings.port, setBy: 'HOLDFAST_PORT' })
  const admin = await holdPort({ host: '127.0.0.1', port: settings.adminPort, setBy: 'HOLDFAST_ADMIN_PORT' })
  const resumed = existsSync(path.join(settings.dataDir, 'log'))
  mkdirSync(settings.dataDir, { recursive: true })
  const local = settings.databaseUrl === undefined ? await localPostgres(settings) : undefined
  const databaseUrl = settings.databaseUrl ?? local?.url ?? ''
  const traffic = new AbortController()
  try {
    await createTables(databaseUrl)
    const log = embedded(path.join(settings.dataDir, 'log'))
    const db = postgres(databaseUrl, { maxConnections: 16 })
    const adminUrl = `http://127.0.0.1:${admin.port}`
    const app = campaigns({ log, db, logger, port: door.port, statusUrl: adminUrl })

    await Promise.all([door.release(), admin.release()])
    const { ended } = await run(app, {
      admin: { port: admin.port },
      logger,
      signals,
      alsoStop: [
        async () => traffic.abort(),
        async () => local?.stop(),
        async () => forgetRun(settings.dataDir),
      ],
    })
    const collectorUrl = `http://127.0.0.1:${door.port}`
    noteRun(settings.dataDir, { pid: process.pid, collectorUrl, adminUrl, databaseUrl })
    process.stdout.write(
      banner({
        settings,
        log,
        db,
        local,
        resumed,
        durability: app.system.log.durability,
        collectorUrl,
        adminUrl,
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

/** A real PostgreSQL below the data folder, one folder for each major version: data of one is no use to another. */
function localPostgres({ dataDir }: Settings): Promise<KeptPostgres> {
  const [newest] = findPostgresBinaries(['embedded', 'path']).found
  return keepPostgres({
    // Without any, the start itself says what was looked for and where.
    dataDir: path.join(dataDir, `pg-${newest?.major ?? 'none'}`),
    logFile: path.join(dataDir, 'logs', 'postgres.log'),
    logger,
  })
}
