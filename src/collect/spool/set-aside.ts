import {
  isHoldfastError,
  offset,
  RESERVED_TOPIC_PREFIX,
  type Logger,
  type LogRecord,
  type Offset,
} from '../../event/index.ts'
import type { Log, LogSystem } from '../../log/index.ts'
import type { Cursors } from './cursors.ts'

/** In the spool's own log. */
export const SET_ASIDE_TOPIC: string = `${RESERVED_TOPIC_PREFIX}set-aside`
const PLACE = { topic: SET_ASIDE_TOPIC, partition: 0 }
/** Which topic it is for. */
const FOR = 'hf-set-aside-for'

export interface SetAsideParts {
  readonly log: Log
  readonly storage: LogSystem
  readonly cursors: Cursors
  readonly declare: (topic: string) => Promise<void>
  readonly logger: Logger
  readonly signal: AbortSignal
}

/**
 * Events of the spool that the log finds too large: they fitted when they were answered, and the topic was set to take
 * less since. To try one again and again would hold up every key of its lane, and it must not be lost, so it is kept
 * beside the lanes, durable before its lane goes on without it. It is sent again when the collector is started anew,
 * behind newer events of its key then.
 */
export class SetAside {
  readonly #parts: SetAsideParts
  #cursor: Offset
  #end: Offset

  constructor(parts: SetAsideParts, at: { readonly cursor: Offset; readonly end: Offset }) {
    this.#parts = parts
    this.#cursor = at.cursor
    this.#end = at.end
  }

  static async open(parts: SetAsideParts, saved: Offset | undefined): Promise<SetAside> {
    const { log } = parts.storage
    await log.topics.create(SET_ASIDE_TOPIC, { partitions: 1 })
    const { start, end } = await log.bounds(PLACE)
    return new SetAside(parts, { cursor: saved !== undefined && saved > start ? saved : start, end })
  }

  get count(): number {
    return Number(this.#end - this.#cursor)
  }

  /** Resolves when it is durable. */
  async keep(topic: string, { key, value, headers, offset: at }: LogRecord, why: string): Promise<void> {
    await this.#store({ key, value, headers: { ...headers, [FOR]: topic } })
    this.#parts.logger.error(
      { topic, id: headers['ce_id'], at: String(at), why },
      'an event of the spool is too large for its topic by now: it is set aside, and its lane goes on. Raise max.message.bytes of the topic and start the collector anew to send it',
    )
  }

  /** Sends what is kept once more, the oldest first; what is refused again stays. Ends early when the log is away. */
  async sendAgain(): Promise<void> {
    try {
      await this.#sendAgain()
    } catch (error) {
      if (!this.#parts.signal.aborted)
        this.#parts.logger.warn({ err: error }, 'what the spool has set aside was not sent again')
    }
  }

  async #sendAgain(): Promise<void> {
    const { log, storage, cursors, declare, signal } = this.#parts
    const one = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
    for (const until = this.#end; this.#cursor < until && !signal.aborted;) {
      const { records } = await storage.log.read({ ...PLACE, offset: this.#cursor }, one, signal)
      const [record] = records
      if (!record) return
      const { [FOR]: topic = '', ...headers } = record.headers
      try {
        await declare(topic)
        await log.append(topic, [{ key: record.key, value: record.value, headers }])
      } catch (error) {
        if (!isTooLarge(error) && !isHoldfastError(error, 'LOG_TOPIC_UNKNOWN')) throw error
        await this.#store(record)
      }
      const next = offset(record.offset + 1n)
      await new Promise<void>((resolve, reject) => {
        cursors.save(PLACE, next, error =>
          error === undefined ? resolve() : reject(new Error('not saved', { cause: error })),
        )
      })
      this.#cursor = next
    }
  }

  async #store({ key, value, headers }: Pick<LogRecord, 'key' | 'value' | 'headers'>): Promise<void> {
    const [outcome] = await this.#parts.storage.log.append(SET_ASIDE_TOPIC, [
      { key, value, headers, partition: 0 },
    ])
    if (outcome) this.#end = offset(outcome.position.offset + 1n)
  }
}

/** Whether the log refuses a record of these for its size. With others of the same call stored it only says so as the cause. */
export function isTooLarge(error: unknown): boolean {
  return (
    isHoldfastError(error) && [error, error.cause].some(one => isHoldfastError(one, 'LOG_RECORD_TOO_LARGE'))
  )
}
