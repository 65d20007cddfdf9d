import { setTimeout as wait } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { isHoldfastError, offset, type Offset } from '../../src/event/index.ts'
import type { LogSystem } from '../../src/log/index.ts'
import { decodeLaneRecord, decodeNote, laneTopicOf } from '../../src/recover/lane/index.ts'
import { moves } from '../apps/moves-topic.ts'
import { until } from '../harness/until.ts'
import type { System } from './system.ts'

/** What stood in the retry lane of a group while a test ran, deleted since or not. */
interface LaneSeen {
  /** Records by kind. */
  readonly kinds: Readonly<Record<string, number>>
  /** Takeovers that got as far as the lane. */
  readonly tenures: number
  /** Entries that began to run and of whose end their tenure says nothing: its process was gone. */
  readonly unfinished: number
  /** The most attempts that a record tells of. */
  readonly attempts: number
}

export interface LaneWatch {
  seenSoFar(): LaneSeen
  /** Waits until positions stand at the end of topic and lane: nothing is open any more. */
  atRest(): Promise<void>
}

/** Between looks. What is deleted within one is missed, so what was counted is the least that happened. */
const EVERY_MS = 20
const PAGE = { maxRecords: 1_000, maxBytes: 4 * 1024 * 1024, waitMs: 0 }

/** Reads the retry lane of a group beside its owners, until the test ends. */
export async function watchLane(system: System, group: string): Promise<LaneWatch> {
  const opened = await system.openLog()
  const stop = new AbortController()
  const seen = new Sightings()
  const reading = (async () => {
    const topic = laneTopicOf(moves.name, group)
    const next = new Map<number, Offset>()
    while (!stop.signal.aborted) {
      for (let partition = 0; partition < moves.partitions; partition++) {
        const from = next.get(partition) ?? offset(0)
        next.set(partition, await readOn(opened, { topic, partition, offset: from }, seen))
      }
      await wait(EVERY_MS)
    }
  })()
  onTestFinished(async () => {
    stop.abort()
    await reading
    await opened.close()
  })
  return {
    seenSoFar: () => seen.summary(),
    atRest: () =>
      until(`the retry lane of ${group} is done`, () => isAtRest(opened, group), 600_000).then(() => {}),
  }
}

/** Answers where to read on. */
async function readOn(
  { log }: LogSystem,
  at: { readonly topic: string; readonly partition: number; readonly offset: Offset },
  seen: Sightings,
): Promise<Offset> {
  try {
    const page = await log.read(at, PAGE, new AbortController().signal)
    for (const record of page.records) seen.add(record)
    return page.next
  } catch (error) {
    if (isHoldfastError(error, 'LOG_TOPIC_UNKNOWN')) return at.offset
    if (isHoldfastError(error, 'OFFSET_OUT_OF_RANGE')) return (await log.bounds(at)).start
    throw error
  }
}

async function isAtRest({ log, groups }: LogSystem, group: string): Promise<boolean> {
  const topic = laneTopicOf(moves.name, group)
  const positions = await groups.committed(group)
  if (positions.length < moves.partitions) return false
  for (const { partition, offset, note } of positions) {
    const [main, lane] = [
      await log.bounds({ topic: moves.name, partition }),
      await log.bounds({ topic, partition }),
    ]
    if (note === undefined || offset !== main.end) return false
    if (decodeNote(note, group).lane !== lane.end) return false
  }
  return true
}

class Sightings {
  readonly #kinds = new Map<string, number>()
  readonly #tenures = new Set<string>()
  readonly #running = new Set<string>()
  #attempts = 0

  add(stored: Parameters<typeof decodeLaneRecord>[0]): void {
    const record = decodeLaneRecord(stored)
    this.#kinds.set(record.kind, (this.#kinds.get(record.kind) ?? 0) + 1)
    if (record.kind === 'fence') this.#tenures.add(record.tenure)
    if (record.kind === 'attempt') this.#attempts = Math.max(this.#attempts, record.attempts)
    if (record.kind === 'start' || record.kind === 'attempt' || record.kind === 'closed') {
      const run = `${record.tenure} ${record.origin} ${record.round}`
      if (record.kind === 'start') this.#running.add(run)
      else this.#running.delete(run)
    }
  }

  summary(): LaneSeen {
    return {
      kinds: Object.fromEntries(this.#kinds),
      tenures: this.#tenures.size,
      unfinished: this.#running.size,
      attempts: this.#attempts,
    }
  }
}
