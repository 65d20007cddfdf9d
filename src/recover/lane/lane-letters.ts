import {
  HoldfastError,
  offset,
  type Clock,
  type LogRecord,
  type Offset,
  type TopicPartition,
} from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { deadTopicOf, decodeChange, decodeLetter, encodeDecision, encodeLetter } from '../dead-letters.ts'
import { describeFailure } from '../failure.ts'
import { letterAfter, type LetterState } from '../letter-state.ts'
import type { FoundLetter, Letter } from './lane-io.ts'

/** The letters of one partition of a group, in their topic. */
export interface LaneLetters {
  /** Durable when it resolves. `event`: what died, with a death. */
  write(letter: Letter, event: LogRecord | undefined): Promise<void>
  /** As the letter stands at the end of its topic now. */
  find(origin: Offset): Promise<FoundLetter | undefined>
  /** The event of a letter, to be tried again. */
  event(origin: Offset): Promise<LogRecord>
}

export interface LaneLettersOptions {
  readonly log: Log
  /** The partition that the events came from. */
  readonly origin: TopicPartition
  readonly group: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** A letter and where its event stands in the dead topic. */
interface Kept {
  readonly state: LetterState
  readonly at: Offset
  readonly key: string | undefined
}

const PAGE = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 0 }

export function laneLetters({ log, origin, group, clock, signal }: LaneLettersOptions): LaneLetters {
  const dead: TopicPartition = { topic: deadTopicOf(origin.topic, group), partition: origin.partition }
  /** States only, no events: what was read once is not read again. */
  const kept = new Map<Offset, Kept>()
  let readTo = offset(0)

  async function readOn(): Promise<void> {
    const { start, end } = await log.bounds(dead)
    if (readTo < start) readTo = start
    while (readTo < end && !signal.aborted) {
      const page = await log.read({ ...dead, offset: readTo }, PAGE, signal)
      for (const record of page.records) note(record)
      readTo = page.next
    }
  }

  function note(record: LogRecord): void {
    const { origin, change } = decodeChange(record)
    const known = kept.get(origin)
    const state = letterAfter(known?.state, change)
    if (!state) return
    const { at, key } =
      change.kind === 'died' || !known ? { at: record.offset, key: eventKey(record) } : known
    kept.set(origin, { state, at, key })
  }

  return {
    async write(letter, event) {
      const { change, death, generation } = letter
      const position = { ...origin, offset: letter.origin }
      if (change.kind !== 'died') {
        await log.append(dead.topic, [encodeDecision(position, group, generation, change)])
        return
      }
      if (!death || !event) throw broken(`event ${letter.origin} died without its bytes or its reason`)
      const { attempts, first, last, final } = death.state
      const unknown = describeFailure(new Error(final ?? 'no reason was given'), clock.now())
      const record = encodeLetter(event, {
        group,
        reason: final ?? 'attempts',
        attempts,
        first: first ?? unknown,
        last: last ?? unknown,
        diedAt: clock.now(),
        round: change.round,
      })
      await log.append(dead.topic, [record])
    },
    async find(origin) {
      await readOn()
      const found = kept.get(origin)
      return found && { ...found.state, key: found.key }
    },
    async event(at) {
      await readOn()
      const found = kept.get(at)
      if (!found) throw broken(`event ${at} has no letter`)
      const page = await log.read({ ...dead, offset: found.at }, { ...PAGE, maxRecords: 1 }, signal)
      const letter = page.records[0] && decodeLetter(page.records[0])
      if (!letter) throw broken(`the letter of event ${at} is not where it was`)
      const { key, headers, value, eventTime } = letter
      return { ...origin, offset: at, key, headers, value, timestamp: eventTime }
    },
  }
}

function broken(detail: string): HoldfastError {
  return new HoldfastError('INTERNAL', { detail })
}

function eventKey(record: LogRecord): string | undefined {
  return decodeLetter(record)?.key
}
