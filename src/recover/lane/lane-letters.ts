import {
  acceptedAgain,
  acceptTimeOf,
  HoldfastError,
  type Clock,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { describeFailure } from '../failure.ts'
import type { LetterState } from '../letter-state.ts'
import { deadTopicOf } from '../letters/dead-topic.ts'
import { LetterBook, type BookedLetter } from '../letters/letter-book.ts'
import { decodeChange, encodeChange } from '../letters/letter-record.ts'
import { writeDeath } from '../letters/write-death.ts'
import type { FoundLetter, Letter } from './lane-io.ts'

/** The letters of one partition of a group, in their topic. */
export interface LaneLetters {
  /** Durable when it resolves. `event`: what died, with a death. */
  write(letter: Letter, event: LogRecord | undefined): Promise<void>
  /** As the letter stands at the end of its topic now. */
  find(origin: Offset, generation: number): Promise<FoundLetter | undefined>
  /** The event of a letter, to be tried again: as it was edited last, where it was. */
  event(origin: Offset): Promise<LogRecord>
  /** Closes the letters of events that have another generation now. */
  supersede(generationOf: (origin: Offset) => number): Promise<void>
}

export interface LaneLettersOptions {
  readonly log: Log
  /** The partition that the events came from. */
  readonly origin: TopicPartition
  readonly group: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * An event that is replayed within a day keeps its accept time: the inbox, which keeps a day at least, still knows whether
 * another delivery of its id was applied. Later that day may be forgotten, and then the answer would be `expired` for ever.
 * What is dead was not applied, so its row can lie on the day on which it was decided to try it again.
 */
const KEEPS_ITS_DAY_MS = 24 * 60 * 60 * 1_000

export function laneLetters({ log, origin, group, clock, signal }: LaneLettersOptions): LaneLetters {
  const dead: TopicPartition = { topic: deadTopicOf(origin.topic, group), partition: origin.partition }
  const book = new LetterBook(log, dead)
  return {
    async write(letter, event) {
      const { change, why, death, generation } = letter
      if (change.kind !== 'died') {
        const place = { origin: { ...origin, offset: letter.origin }, group, generation }
        await log.append(dead.topic, [encodeChange(place, change, why)])
        return
      }
      if (!death || !event) throw broken(`event ${letter.origin} died without its bytes or its reason`)
      const unknown = describeFailure(new Error(death.state.final ?? 'no reason was given'), clock.now())
      const { attempts, final, first = unknown, last = unknown } = death.state
      await writeDeath(log, event, {
        group,
        generation,
        reason: final ?? 'attempts',
        attempts,
        first,
        last,
        diedAt: clock.now(),
        round: change.round,
      })
    },
    async find(origin, generation) {
      await book.readOn(signal)
      const found = book.of(origin)
      return found?.generation === generation ? { ...found.state, key: found.key } : undefined
    },
    async supersede(generationOf) {
      await book.readOn(signal)
      for (const { origin: at, generation, state } of book.letters) {
        if (signal.aborted) return
        if (generation >= generationOf(at) || !isSuperseded(state)) continue
        const place = { origin: { ...origin, offset: at }, group, generation }
        await log.append(dead.topic, [encodeChange(place, { kind: 'superseded' }, undefined)])
      }
    },
    async event(at) {
      await book.readOn(signal)
      const found = book.of(at)
      if (!found) throw broken(`event ${at} has no letter`)
      const event = await book.event(found, signal)
      const decidedAt = await decisionTime(book, found, signal)
      // The same for every copy and every attempt of the round: it follows from the log alone.
      const isOld = decidedAt - acceptTimeOf(event) > KEEPS_ITS_DAY_MS
      return isOld ? acceptedAgain(event, decidedAt) : event
    },
  }
}

/** Whether it is to be closed when its range is reprocessed: that of an event which came through stays as it is. */
function isSuperseded({ status }: LetterState): boolean {
  return status !== 'resolved' && status !== 'superseded'
}

function broken(detail: string): HoldfastError {
  return new HoldfastError('INTERNAL', { detail })
}

/** When it was decided that the letter is replayed; notes may have come after that. */
async function decisionTime(
  book: LetterBook,
  { changes }: BookedLetter,
  signal: AbortSignal,
): Promise<number> {
  for (const at of changes.toReversed()) {
    const record = await book.record(at, signal)
    if (decodeChange(record).change.kind === 'replaying') return record.timestamp
  }
  return 0
}
