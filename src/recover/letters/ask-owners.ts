import { HoldfastError, newEventId, partitionId, sleep, type Clock, type Random } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { encodeLaneRecord, laneTopicOf } from '../lane/lane-codec.ts'
import type { Request } from '../lane/lane-record.ts'
import { LaneAnswers, type LaneAnswer } from './lane-answers.ts'
import type { LetterState } from '../letter-state.ts'
import type { BookedLetter } from './letter-book.ts'
import type { Wish } from './letter-record.ts'

/** What is asked of the owner of a partition about one of its letters. */
export type LetterAction = Extract<Request['action'], 'replay' | 'discard' | 'restore' | 'release'>

/** Which event is meant, and the version of its letter as whoever asks saw it; 0 for an event that has none. */
export interface AskedAbout {
  readonly letter: Pick<BookedLetter, 'topic' | 'partition' | 'origin' | 'generation'>
  readonly state: Pick<LetterState, 'version'>
}

/** How it ended. `unanswered`: nobody runs the group now; the request is kept, and done by whoever does next. */
export type Asked = LaneAnswer | { readonly kind: 'unanswered' }

/** A letter with the state in which it was chosen: the letter goes on changing, and nobody decided about that. */
export interface SeenLetter {
  readonly letter: BookedLetter
  readonly state: LetterState
}

export interface AskOptions<About extends AskedAbout> {
  readonly log: Log
  readonly group: string
  readonly action: Request['action']
  readonly wish: Wish
  /** Requests a second, over all partitions; undefined: as fast as they are answered. */
  readonly perSecond: number | undefined
  /** How long an answer may take. */
  readonly answerMs: number
  readonly clock: Clock
  readonly random: Random
  /** No more is asked for; what was asked is waited for. */
  readonly signal: AbortSignal
  /** Awaited before each request. */
  readonly room: (() => Promise<void>) | undefined
  answered(about: About, asked: Asked): void
}

/**
 * Requests under way at once. Whoever replays 100,000 letters never has more than this waiting for an owner, which is
 * what keeps the group's own work going beside them.
 */
const AT_ONCE = 64
/** What was late by so much is made up for, so that the rate is the rate. */
const CATCH_UP_MS = 1_000

/**
 * Asks the owners about letters, one after the other: each request goes into the retry lane of the letter's partition
 * with the version that the letter has now, and its owner answers there. Only the owner does anything, because only it
 * can order it against what runs. Stops asking when one is not answered in time. Nothing is lost wherever it ends: a
 * letter that nobody asked about stays as it is, and a request that is stored is done once, however often it is sent.
 */
export async function askOwners<About extends AskedAbout>(
  letters: readonly About[],
  options: AskOptions<About>,
): Promise<void> {
  const { log, group, clock, signal } = options
  const ended = new AbortController()
  const over = AbortSignal.any([signal, ended.signal])
  const lanes = new Map<string, Promise<LaneAnswers>>()
  const reading: Promise<void>[] = []
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {}) // heard by whoever waits for an answer
  const ask = async (seen: About): Promise<void> => {
    const lane = await (lanes.get(partitionId(seen.letter)) ?? open(seen.letter))
    const asked = await Promise.race([askOwner(seen, lane, options, ended.signal), failed.promise])
    options.answered(seen, asked)
    if (asked.kind === 'unanswered') ended.abort()
  }
  try {
    const waiting = new Set<Promise<void>>()
    const gapMs = options.perSecond === undefined ? 0 : 1_000 / options.perSecond
    let next = clock.monotonic()
    for (const letter of letters) {
      const now = clock.monotonic()
      if (gapMs > 0 && next > now) await sleep(clock, next - now, over)
      await options.room?.()
      if (over.aborted) break
      next = Math.max(next, now - CATCH_UP_MS) + gapMs
      const one = ask(letter).finally(() => waiting.delete(one))
      one.catch(() => {}) // heard below; several may fail at once
      waiting.add(one)
      if (waiting.size >= AT_ONCE) await Promise.race(waiting)
    }
    await Promise.all(waiting)
  } finally {
    ended.abort()
    await Promise.allSettled(reading)
  }

  function open({ topic, partition }: AskedAbout['letter']): Promise<LaneAnswers> {
    const opened = (async () => {
      const lane = { topic: laneTopicOf(topic, group), partition }
      const { partitions = 0 } = (await log.topics.describe(lane.topic)) ?? {}
      if (partition >= partitions)
        throw new HoldfastError('LANE_MISSING', {
          detail: `${group} on ${partitionId({ topic, partition })}`,
        })
      const answers = new LaneAnswers(log, lane)
      const { end } = await log.bounds(lane)
      reading.push(answers.read(end, ended.signal).catch((error: unknown) => failed.reject(error)))
      return answers
    })()
    lanes.set(partitionId({ topic, partition }), opened)
    return opened
  }
}

async function askOwner(
  { letter, state }: AskedAbout,
  lane: LaneAnswers,
  {
    log,
    group,
    action,
    wish,
    answerMs,
    clock,
    random,
  }: Pick<AskOptions<never>, 'log' | 'group' | 'action' | 'wish' | 'answerMs' | 'clock' | 'random'>,
  ended: AbortSignal,
): Promise<Asked> {
  const { topic, partition, origin, generation } = letter
  const id = newEventId(clock, random)
  const answered = lane.of(id)
  const about = { generation, origin, letterVersion: state.version, ...wish }
  const record = encodeLaneRecord({ kind: 'request', id, action, ...about }, partition)
  const [outcome] = await log.append(laneTopicOf(topic, group), [record])
  if (outcome) lane.stored(id, outcome.position.offset)
  const done = new AbortController()
  const late = sleep(clock, answerMs, AbortSignal.any([ended, done.signal]))
  const asked = await Promise.race([answered, late.then(() => ({ kind: 'unanswered' }) as const)])
  done.abort()
  return asked
}
