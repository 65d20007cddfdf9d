import { expect } from 'vitest'
import {
  isHoldfastError,
  offset,
  seededRandom,
  silentLogger,
  type ErrorCode,
  type HoldfastError,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../../event/index.ts'
import type {
  AppendOutcome,
  AppendRecord,
  Groups,
  Log,
  LogSystem,
  ReadLimits,
  ReadResult,
  Retains,
  TopicSettings,
} from '../port.ts'
import type { LogUnderTest, SuiteSettings } from './harness.ts'
import { SuiteClock } from './suite-clock.ts'
import { TestMember } from './test-member.ts'

/** Aborts never. */
const never = new AbortController().signal

/** One promise's log, with the words that the promises are written in. */
export class World {
  readonly settings: SuiteSettings
  readonly clock: SuiteClock = new SuiteClock()
  /** What members were told and did, in order. */
  readonly journal: string[] = []
  readonly #under: LogUnderTest
  readonly #open = new Map<LogSystem, { stop(): void }>()
  #system: LogSystem | undefined
  #topics = 0
  #opens = 0

  constructor(under: LogUnderTest, settings: SuiteSettings) {
    this.#under = under
    this.settings = settings
  }

  get system(): LogSystem {
    if (!this.#system) throw new Error('no log is open')
    return this.#system
  }

  get log(): Log & Partial<Retains> {
    return this.system.log
  }

  get groups(): Groups {
    return this.system.groups
  }

  async open(): Promise<void> {
    const clock = this.clock.process()
    this.#system = await this.#under.driver.open({
      clock,
      random: seededRandom(++this.#opens),
      logger: silentLogger,
    })
    this.#open.set(this.#system, clock)
  }

  async close(): Promise<void> {
    const system = this.system
    await system.close()
    this.#open.delete(system)
  }

  async reopen(): Promise<void> {
    await this.close()
    await this.open()
  }

  /** The process dies, its leases run out, and another opens the log. */
  async crashAndReopen(): Promise<void> {
    const system = this.system
    this.#open.get(system)?.stop()
    this.#open.delete(system)
    await this.#under.crash?.(system)
    this.clock.skip(this.settings.sessionMs + 1)
    await this.open()
  }

  async dispose(): Promise<void> {
    for (const [system, clock] of this.#open) {
      clock.stop()
      await this.#under.crash?.(system)
    }
    await this.#under.dispose?.()
  }

  /** A new topic under a new name. */
  async topic(partitions = 1, settings: Omit<TopicSettings, 'partitions'> = {}): Promise<string> {
    const name = `topic-${++this.#topics}`
    await this.log.topics.create(name, { partitions, ...settings })
    return name
  }

  /** Appends values in one call, into partition 0 unless a record says otherwise. */
  append(
    topic: string,
    ...values: readonly (string | Partial<AppendRecord>)[]
  ): Promise<readonly AppendOutcome[]> {
    return this.log.append(
      topic,
      values.map(value => record(typeof value === 'string' ? { value: bytes(value), partition: 0 } : value)),
    )
  }

  /** Everything that the partition holds from `from` on, by default from its start. */
  async readAll(topic: string, partition = 0, from?: Offset): Promise<LogRecord[]> {
    const { start, end } = await this.log.bounds({ topic, partition })
    const records: LogRecord[] = []
    let at = from ?? start
    while (at < end) {
      const result = await this.read({ topic, partition }, at)
      expect(result.records.length, `records at ${at}, below the end ${end}`).toBeGreaterThan(0)
      records.push(...result.records)
      at = result.next
    }
    return records
  }

  async values(topic: string, partition = 0): Promise<(string | null)[]> {
    return (await this.readAll(topic, partition)).map(({ value }) => text(value))
  }

  read(
    tp: TopicPartition,
    from: Offset | bigint,
    options: Partial<ReadLimits & { signal: AbortSignal }> = {},
  ): Promise<ReadResult> {
    const { maxRecords = 1_000, maxBytes = 1024 * 1024, waitMs = 0, signal = never } = options
    return this.log.read({ ...tp, offset: offset(from) }, { maxRecords, maxBytes, waitMs }, signal)
  }

  member(name: string): TestMember {
    return new TestMember(name, this)
  }

  /** Fails when `promise` does not settle in time. */
  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new Error(`${what}: not within ${this.settings.patienceMs} ms; ${this.journal.join(' · ')}`),
          ),
        this.settings.patienceMs,
      )
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Waits until `holds` is true. For what the log tells nobody about; else await the event. */
  async until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
    const stop = new AbortController()
    const poll = async (): Promise<void> => {
      while (!stop.signal.aborted && !(await holds())) await pause(5)
    }
    try {
      await this.within(poll(), what)
    } finally {
      stop.abort()
    }
  }

  /** Lets some beats pass, so that what must not happen gets its chance to. */
  async beats(count: number): Promise<void> {
    await pause(count * this.settings.beatMs)
  }
}

/** A record with nothing but what is given. */
export function record(given: Partial<AppendRecord>): AppendRecord {
  return { value: new Uint8Array(), headers: {}, ...given }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function text(value: Uint8Array | null): string | null {
  return value === null ? null : new TextDecoder().decode(value)
}

/** The offset at which a record was stored. */
export function storedAt(outcome: AppendOutcome | undefined): Offset {
  expect(outcome?.kind).toBe('appended')
  return outcome?.position.offset ?? offset(0)
}

/** Expects a rejection with one of our codes, and answers the error. */
export async function refused(promise: Promise<unknown>, code: ErrorCode): Promise<HoldfastError> {
  const outcome = await promise.then(
    value => ({ value }),
    (error: unknown) => ({ error }),
  )
  if (!('error' in outcome)) throw new Error(`should have been refused with ${code}`)
  if (!isHoldfastError(outcome.error, code))
    throw new Error(`should have been refused with ${code}`, { cause: outcome.error })
  return outcome.error
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
