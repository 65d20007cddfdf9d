import type { ConsumeObserver } from '../consume/index.ts'
import { silentLogger, type Logger } from '../event/index.ts'
import { startAdmin, type AdminServer, type AdminServerOptions } from './admin-server.ts'
import type { App, DoorPort, Role } from './app.ts'
import { stopSignals, type StopSignals } from './stop-signals.ts'

export interface RunOptions {
  /** What this process does of the app. Defaults to everything. */
  readonly roles?: readonly Role[] | undefined
  /** Told beside the app's own observer what its groups do. */
  readonly observer?: ConsumeObserver | undefined
  readonly admin?: AdminServerOptions | undefined
  /** As for {@link App.start}. */
  readonly door?: DoorPort | undefined
  readonly logger?: Logger | undefined
  /** For a process that has something to stop before its app runs. Defaults to listening from now on. */
  readonly signals?: StopSignals | undefined
  /** Ended after the app, in this order, whatever ended the run: a local database, sample traffic. */
  readonly alsoStop?: readonly (() => Promise<void>)[]
}

export interface Run {
  readonly adminUrl: string
  /** Resolves when all is stopped, with the exit code: 0 after a signal, 1 after a failure, 130 when a second signal cut it short. */
  readonly ended: Promise<number>
}

/**
 * Starts an app with its admin side as what this process does, until a signal asks it to end or it fails. The first
 * signal drains; a second one ends at once.
 */
export async function run(
  app: App<boolean>,
  {
    roles,
    observer,
    admin: adminOptions,
    door,
    logger = silentLogger,
    signals = stopSignals(),
    alsoStop = [],
  }: RunOptions = {},
): Promise<Run> {
  let admin: AdminServer | undefined
  const stopAll = async (): Promise<void> => {
    await app.stop()
    for (const stop of alsoStop) await stop()
    await admin?.close()
  }
  try {
    admin = await startAdmin(app.admin, adminOptions)
    await app.start({ roles, observer, door })
  } catch (error) {
    await stopAll()
    signals.release()
    throw error
  }
  const why = Promise.race([
    signals.first.then(signal => ({ kind: 'signal' as const, signal })),
    app.failed.then(error => ({ kind: 'failure' as const, error })),
  ])
  const end = async (): Promise<number> => {
    const cause = await why
    if (cause.kind === 'signal') logger.info({}, 'stopping: handlers finish and positions are kept')
    else logger.error({ code: cause.error.code }, `stopping: ${cause.error.message}`)
    const orderly = stopAll().then(() => (cause.kind === 'signal' ? 0 : 1))
    const code = await Promise.race([orderly, signals.second.then(() => 130)])
    logger.info({}, code === 130 ? 'not waiting any longer' : 'stopped')
    signals.release()
    return code
  }
  return { adminUrl: admin.url, ended: end() }
}
