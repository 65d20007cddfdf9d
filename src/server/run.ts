import { setTimeout as wait } from 'node:timers/promises'
import type { ConsumeObserver, GroupStatus } from '../consume/index.ts'
import { silentLogger, type Duration, type HoldfastError, type Logger } from '../event/index.ts'
import { count } from './readable.ts'
import { startAdmin, type AdminServer, type AdminServerOptions } from './admin-server.ts'
import type { App, DoorSettings, Role } from './app.ts'
import { stopSignals, type StopSignals } from './stop-signals.ts'

export interface RunOptions {
  /** What this process does of the app. Defaults to everything. */
  readonly roles?: readonly Role[] | undefined
  /** Told beside the app's own observer what its groups do. */
  readonly observer?: ConsumeObserver | undefined
  readonly admin?: AdminServerOptions | undefined
  /** As for {@link App.start}. */
  readonly door?: DoorSettings | undefined
  /** Of this process, and of an app that names none. Defaults to silence. */
  readonly logger?: Logger | undefined
  /** How long handlers may go on after the first signal. Defaults to `'10s'`. */
  readonly drain?: Duration | undefined
  /** How long the collector serves on after SIGTERM. Defaults to its own `lameDuckMs`; after a Ctrl-C it is 0. */
  readonly lameDuck?: Duration | undefined
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
    drain = '10s',
    lameDuck,
    logger = silentLogger,
    signals = stopSignals(),
    alsoStop = [],
  }: RunOptions = {},
): Promise<Run> {
  let admin: AdminServer | undefined
  const stopAll = async (cause?: Cause): Promise<void> => {
    // Nobody balances load to a process that somebody has at a terminal.
    const atTerminal = cause?.kind === 'signal' && cause.signal === 'SIGINT'
    await app.stop({ drain, lameDuck: atTerminal ? '0ms' : lameDuck })
    for (const stop of alsoStop) await stop()
    await admin?.close()
  }
  try {
    admin = await startAdmin(app.admin, adminOptions)
    await app.start({ roles, observer, logger, door })
  } catch (error) {
    await stopAll()
    signals.release()
    throw error
  }
  const why = Promise.race<Cause>([
    signals.first.then(signal => ({ kind: 'signal', signal })),
    app.failed.then(error => ({ kind: 'failure', error })),
  ])
  const end = async (): Promise<number> => {
    const cause = await why
    if (cause.kind === 'signal')
      logger.info({}, `stopping: ${waitedFor(await groupsNow(app), drain)}; a second signal ends at once`)
    else logger.error({ code: cause.error.code }, `stopping: ${cause.error.message}`)
    const orderly = stopAll(cause).then(() => (cause.kind === 'signal' ? 0 : 1))
    const code = await Promise.race([orderly, signals.second.then(() => 130)])
    logger.info({}, code === 130 ? 'not waiting any longer' : 'stopped')
    signals.release()
    return code
  }
  return { adminUrl: admin.url, ended: end() }
}

type Cause =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'failure'; readonly error: HoldfastError }

/** What an orderly end waits for, in words. */
export function waitedFor(
  groups: readonly Pick<GroupStatus, 'group' | 'partitions'>[],
  drain: Duration,
): string {
  const busy = groups
    .map(({ group, partitions }) => ({ group, n: partitions.reduce((sum, one) => sum + one.inFlight, 0) }))
    .filter(({ n }) => n > 0)
  if (busy.length === 0) return 'no event is in work'
  const total = busy.reduce((sum, { n }) => sum + n, 0)
  const events = total === 1 ? '1 event that is' : `${count(total)} events that are`
  const each = busy.map(({ group, n }) => `${group} ${count(n)}`).join(', ')
  return `waiting at most ${drain} for ${events} in work (${each})`
}

/** The log that it asks may be what has failed, and an end waits for no answer. */
async function groupsNow(app: App<boolean>): Promise<readonly GroupStatus[]> {
  const giveUp = new AbortController()
  const nothing = wait(QUESTION_MS, [], { signal: giveUp.signal }).catch(() => [])
  try {
    return await Promise.race([app.groups().catch(() => []), nothing])
  } finally {
    giveUp.abort()
  }
}

const QUESTION_MS = 500
