import { isHoldfastError, sleep, type Clock, type Logger } from '../event/index.ts'

/** Something that needs a log which may be away when the process starts. */
export interface StartOnceThere {
  /** Resolves when it has started, or when the log was found away and it starts later. Rejects with why it cannot start. */
  readonly tried: Promise<void>
  /** Settles when it could not start later. */
  readonly failed: Promise<unknown>
  /** Why it has not started yet. */
  readonly waitsFor: string | undefined
  /** It does not start any more. Resolves when nothing of it is under way. */
  giveUp(): Promise<void>
}

export interface StartOnceThereParts {
  /** Asks the log something; rejects while it is away. */
  readonly answers: () => Promise<unknown>
  /** Leaves nothing running when it rejects: it is tried again when it did because the log went away. */
  readonly start: () => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
}

/** How often a log that is away is asked whether it is back. */
const ASK_AGAIN_MS = 2_000

/** Starts at once when the log answers, and otherwise as soon as it does. */
export function startOnceThere({ answers, start, clock, logger }: StartOnceThereParts): StartOnceThere {
  const life = new AbortController()
  const { signal } = life
  const failed = Promise.withResolvers<unknown>()
  let waitsFor: string | undefined
  let later: Promise<void> | undefined

  /** Whether it runs. False: the log is away. */
  const attempt = async (): Promise<boolean> => {
    let isThere = false
    try {
      await answers()
      isThere = true
      if (signal.aborted) return false
      await start()
      waitsFor = undefined
      return true
    } catch (error) {
      if (isThere && !isHoldfastError(error, 'LOG_STALLED', 'LOG_FAILED')) throw error
      waitsFor = error instanceof Error ? error.message : String(error)
      return false
    }
  }
  const keepTrying = async (): Promise<void> => {
    do await sleep(clock, ASK_AGAIN_MS, signal)
    while (!signal.aborted && !(await attempt()))
    if (!signal.aborted) logger.info({}, 'the log answers: the groups have started')
  }
  const tried = (async () => {
    if (await attempt()) return
    logger.warn({ reason: waitsFor }, 'the log does not answer: the groups start when it does')
    later = keepTrying().catch((error: unknown) => failed.resolve(error))
  })()

  return {
    tried,
    failed: failed.promise,
    get waitsFor() {
      return waitsFor
    },
    async giveUp() {
      life.abort()
      await tried.catch(() => {})
      await later
    },
  }
}
