// `npm run orders`: the shop in one process, its mail service in another, with a PostgreSQL of its own.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { embedded, HoldfastError, isHoldfastError, postgres } from 'holdfast'
import {
  claimFolder,
  describeError,
  endWithParent,
  holdPort,
  keepPostgres,
  outliveReaders,
  portSetting,
  postgresFolder,
  processLogger,
  run,
  stopSignals,
  tokensFrom,
  type AccessToken,
  type HeldPort,
  type KeptPostgres,
} from 'holdfast/server'
import { shop } from './app.ts'
import { banner } from './banner.ts'
import { startMailService } from './mail-service/start-mail-service.ts'
import { mailerAt } from './mailer.ts'
import { createTables } from './tables.ts'

// From the first moment on: a database that is just being made must not outlive a Ctrl-C.
const signals = stopSignals()
endWithParent()
outliveReaders()
const logger = processLogger({ to: process.stderr, now: Date.now })
const { env } = process
const dataDir = path.join(env['HOLDFAST_DATA'] || '.holdfast', 'orders')

process.exit(
  await start().catch((error: unknown) => {
    process.stderr.write(describeError(error))
    return isHoldfastError(error, 'ALREADY_RUNNING') ? 3 : 1
  }),
)

/** Answers the exit code, when everything is stopped. */
async function start(): Promise<number> {
  const tokens = tokensFrom(env['HOLDFAST_ADMIN_TOKENS'])
  mkdirSync(dataDir, { recursive: true })
  // First of all: the ports of a run on the same folder are taken too, and that would be the lesser news.
  const claim = claimFolder(
    path.join(dataDir, 'owner.json'),
    ({ pid }) => new HoldfastError('ALREADY_RUNNING', { detail: `pid ${pid} (data in ${dataDir})` }),
  )
  try {
    // Before anything is started that would have to be stopped again.
    const door = await hold('HOLDFAST_PORT', 4400)
    const admin = await hold('HOLDFAST_ADMIN_PORT', 4410)
    const mail = await hold('MAIL_PORT', 4420)
    // By a name of its own: a shell may hold the DATABASE_URL of something else.
    const local = env['ORDERS_DATABASE_URL'] ? undefined : await localPostgres()
    return await runShop({ door, admin, mail }, local, tokens)
  } finally {
    claim.release()
  }
}

async function runShop(
  { door, admin, mail }: Readonly<Record<'door' | 'admin' | 'mail', HeldPort>>,
  local: KeptPostgres | undefined,
  tokens: readonly AccessToken[],
): Promise<number> {
  const databaseUrl = local?.url ?? env['ORDERS_DATABASE_URL'] ?? ''
  await Promise.all([door, admin, mail].map(port => port.release()))
  const stopMail = startMailService(mail.port, path.join(dataDir, 'mails.ndjson'))
  const alsoStop = [stopMail, async () => local?.stop()]
  try {
    await createTables(databaseUrl)
    const at = ({ port }: HeldPort): string => `http://127.0.0.1:${port}`
    const [shopUrl, statusUrl, mailUrl] = [at(door), at(admin), at(mail)]
    const app = shop({
      log: embedded(path.join(dataDir, 'log')),
      db: postgres(databaseUrl),
      mailer: mailerAt(mailUrl),
      port: door.port,
      statusUrl,
      logger,
    })
    const { ended } = await run(app, {
      admin: { port: admin.port, tokens },
      drain: '5s',
      logger,
      signals,
      alsoStop,
    })
    process.stdout.write(banner({ shopUrl, statusUrl, mailUrl }))
    const code = await ended
    // The second Ctrl-C: nothing is waited for any more, but no child is left behind.
    if (code === 130) await local?.kill()
    return code
  } catch (error) {
    for (const stop of alsoStop) await stop()
    throw error
  }
}

function hold(name: string, usual: number): Promise<HeldPort> {
  return holdPort({ host: '127.0.0.1', port: portSetting(env, name, usual), setBy: name })
}

function localPostgres(): Promise<KeptPostgres> {
  return keepPostgres({
    dataDir: postgresFolder(dataDir),
    logFile: path.join(dataDir, 'logs', 'postgres.log'),
    logger,
  })
}
