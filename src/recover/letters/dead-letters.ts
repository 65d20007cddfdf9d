import {
  HoldfastError,
  parseDuration,
  parseRate,
  recordLine,
  type Clock,
  type Random,
} from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import type { AnyTopic } from '../../schema/index.ts'
import { letterStatuses, type LetterStatus } from '../letter-state.ts'
import { askOwners, type LetterAction, type SeenLetter } from './ask-owners.ts'
import { causesOf, countsOf, type CauseReport } from './causes.ts'
import { chooseLetters, filterOf, type LetterFilter, type Selection } from './choose.ts'
import { deadTopicOf } from './dead-topic.ts'
import { editLetter, type Edit } from './edit-letter.ts'
import { eventData } from './event-data.ts'
import { GroupLetters } from './group-letters.ts'
import { LetterRecords } from './letter-records.ts'
import { jsonDiff } from './json-diff.ts'
import { lastGood } from './last-good.ts'
import type { BookedLetter } from './letter-book.ts'
import { encodeChange, type Wish } from './letter-record.ts'
import { ReplaysUnderWay } from './replays-under-way.ts'
import { letterDetail, viewLetter, type Letter, type LetterDetail } from './letter-view.ts'
import { newestLetters } from './newest-letters.ts'
import { countBy, selectLetters } from './select-letters.ts'
import type {
  ActOptions,
  ActReport,
  DeadLetters,
  EditLettersOptions,
  EditReport,
  LetterDiff,
  LetterStats,
  OpenLetters,
  PageOptions,
  ReplayOptions,
  ReplayReport,
  SelectionReport,
} from './letters-api.ts'

export interface DeadLettersOptions {
  readonly log: Log
  readonly group: string
  readonly clock: Clock
  readonly random: Random
  /** Who decides when nobody is named. */
  readonly by: string
  /** Replays that run or wait for a retry at once. Defaults to 5,000. */
  readonly maxUnderWay?: number
  /** Its declaration, for the schema of an edit; undefined for one that this process does not know. */
  topicOf(name: string): AnyTopic | undefined
}

export function deadLetters(options: DeadLettersOptions): DeadLetters {
  return new Letters(options)
}

/** A larger one reads the letters as a whole. */
const FIRST_PAGE = 1_000
/** Examples of an edit that a report holds. */
const MAX_EXAMPLES = 5
const MAX_TEXT = 1_000
/**
 * Replays that run or wait for a retry at once. Each is an entry of the lane: without a bound they could fill it, and a
 * group whose lane is full takes no new events.
 */
const MAX_UNDER_WAY = 5_000

class Letters implements DeadLetters {
  readonly #o: DeadLettersOptions
  readonly #letters: GroupLetters

  constructor(options: DeadLettersOptions) {
    this.#o = options
    this.#letters = new GroupLetters(options.log, options.group)
  }

  // ---- to see

  async *list({
    limit = Infinity,
    after,
    ...filter
  }: LetterFilter & PageOptions = {}): AsyncGenerator<Letter> {
    // Ids may be old, and would be looked for from the end to the beginning.
    if (after === undefined && filter.ids === undefined && limit <= FIRST_PAGE && !this.#letters.isRead) {
      const { among, letters } = await newestLetters(this.#o.log, this.#o.group, filter, limit, neverAborted)
      const records = new LetterRecords(among)
      for (const letter of letters) yield viewLetter(records, letter, neverAborted)
      return
    }
    const chosen = await this.#choose(filter)
    const from = after === undefined ? 0 : chosen.findIndex(letter => letter.id === after) + 1
    const records = new LetterRecords(this.#letters)
    for (const letter of chosen.slice(from, from + limit)) yield viewLetter(records, letter, neverAborted)
  }

  async causes(filter: LetterFilter = {}): Promise<readonly CauseReport[]> {
    return causesOf(this.#letters, await this.#choose(filter), neverAborted)
  }

  async stats(): Promise<LetterStats> {
    const all = await this.#choose({ status: 'all' })
    const open = all.filter(letter => letter.state.status === 'died' || letter.state.status === 'replaying')
    return {
      group: this.#o.group,
      open: this.#letters.open,
      byStatus: countsOf(all),
      byTopic: countBy(open, letter => letter.topic),
      oldestOpen: open.at(-1)?.firstDiedAt,
      newest: all[0]?.firstDiedAt,
      forgotten: this.#letters.forgotten,
    }
  }

  async openByTopic(): Promise<ReadonlyMap<string, OpenLetters>> {
    await this.#letters.readOn(neverAborted)
    return this.#letters.openByTopic
  }

  async show(id: string): Promise<LetterDetail> {
    const letter = await this.#one(id)
    return letterDetail(new LetterRecords(this.#letters), letter, neverAborted)
  }

  async diff(id: string): Promise<LetterDiff> {
    const letter = await this.#one(id)
    const event = await this.#letters.event(letter, neverAborted)
    const { log } = this.#o
    const found = await lastGood(log, this.#letters, letter, event.headers['ce_type'], neverAborted)
    const good = found.event
    return {
      id,
      searched: found.searched,
      good: good && { id: good.headers['ce_id'], offset: String(good.offset), time: good.timestamp },
      differences: good ? jsonDiff(eventData(good), eventData(event)) : [],
    }
  }

  async *export(selection: Selection = {}): AsyncGenerator<string> {
    const records = new LetterRecords(this.#letters)
    for (const letter of await this.#choose(filterOf(selection)))
      yield recordLine(await records.event(letter, neverAborted), { letter: letter.id })
  }

  // ---- to repair

  async edit(selection: Selection, edit: Edit, options: EditLettersOptions): Promise<EditReport> {
    const wish = this.#wish(options)
    if (wish.reason === '') throw new HoldfastError('CONFIG_INVALID', { detail: 'edit needs a reason' })
    const { dryRun = false, signal = neverAborted } = options
    // One by its id is not left out for its status: whoever names it is told that it has changed.
    const statuses = typeof selection === 'string' ? letterStatuses : (['died'] as const)
    const { letters, report } = await this.#select(selection, statuses, options.limit)
    const refused: { id: string; reason: string }[] = []
    const examples: EditReport['examples'][number][] = []
    let edited = 0
    for (const { letter } of letters) {
      if (signal.aborted) break
      const topic = this.#o.topicOf(letter.topic)
      try {
        if (!topic) {
          const detail = `${letter.id}: the schemas of topic ${letter.topic} are known to the app that declares it (--url or --app)`
          throw new HoldfastError('LETTER_NOT_EDITABLE', { detail })
        }
        const { log, clock } = this.#o
        const parts = { log, letters: this.#letters, topic, clock, wish, dryRun, signal }
        const { differences } = await editLetter(letter, edit, parts)
        edited += 1
        if (examples.length < MAX_EXAMPLES) examples.push({ id: letter.id, differences })
      } catch (error) {
        // One letter by its id: whoever asked wants the error itself.
        if (typeof selection === 'string') throw error
        refused.push({ id: letter.id, reason: (error as Error).message })
      }
    }
    return { ...report, executed: !dryRun, edited, refused, examples }
  }

  async note(id: string, text: string, { by }: { readonly by?: string | undefined } = {}): Promise<void> {
    const { topic, partition, origin, generation } = await this.#one(id)
    const { group, log } = this.#o
    const place = { origin: { topic, partition, offset: origin }, group, generation }
    const record = encodeChange(place, { kind: 'noted' }, this.#wish({ by, reason: text }))
    await log.append(deadTopicOf(topic, group), [record])
  }

  // ---- to decide

  async replay(selection: Selection, options: ReplayOptions = {}): Promise<ReplayReport> {
    const { rate, first = Infinity, limit = Infinity, endWithin = '30s' } = options
    const perSecond = rate === undefined ? undefined : parseRate(rate, 'replay rate')
    const endMs = parseDuration(endWithin, 'replay endWithin')
    const signal = options.signal ?? neverAborted
    const replays = new ReplaysUnderWay(this.#letters, this.#o.clock)
    const report = await this.#act(selection, 'replay', {
      ...options,
      limit: Math.min(first, limit),
      perSecond,
      accepted: seen => replays.add(seen),
      room: () => replays.room(this.#o.maxUnderWay ?? MAX_UNDER_WAY, signal),
    })
    await replays.ended(endMs, signal)
    const { resolved, diedAgain, running } = replays
    return { ...report, resolved, diedAgain, running }
  }

  async discard(selection: Selection, options: ActOptions & { reason: string }): Promise<ActReport> {
    if (!options.reason) throw new HoldfastError('CONFIG_INVALID', { detail: 'discard needs a reason' })
    return this.#act(selection, 'discard', options)
  }

  async restore(selection: Selection, options: ActOptions = {}): Promise<ActReport> {
    return this.#act(selection, 'restore', options)
  }

  async release(selection: Selection, options: ActOptions = {}): Promise<ActReport> {
    return this.#act(selection, 'release', options)
  }

  async #act(
    selection: Selection,
    action: LetterAction,
    options: ActOptions & {
      readonly perSecond?: number | undefined
      readonly accepted?: (seen: SeenLetter) => void
      readonly room?: () => Promise<void>
    },
  ): Promise<ActReport> {
    const { dryRun = false, answerWithin = '30s', signal = neverAborted, limit, progress } = options
    const answerMs = parseDuration(answerWithin, `${action} answerWithin`)
    const status = action === 'restore' ? 'discarded' : 'died'
    const { letters, report } = await this.#select(selection, [status], limit)
    const refused: { id: string; reason: string }[] = []
    let [accepted, unanswered] = [0, 0]
    if (!dryRun) {
      const { log, group, clock, random } = this.#o
      await askOwners(letters, {
        log,
        group,
        clock,
        random,
        action,
        answerMs,
        signal,
        perSecond: options.perSecond,
        room: options.room,
        wish: this.#wish(options),
        answered: (seen, asked) => {
          if (asked.kind === 'refused') refused.push({ id: seen.letter.id, reason: asked.reason })
          else if (asked.kind === 'unanswered') unanswered += 1
          else {
            accepted += 1
            options.accepted?.(seen)
          }
          progress?.({ answered: accepted + refused.length, letters: letters.length })
        },
      })
    }
    const notAsked = letters.length - accepted - refused.length - unanswered
    return { ...report, accepted, refused, unanswered, notAsked, executed: !dryRun }
  }

  // ---- small

  async #choose(filter: LetterFilter): Promise<readonly BookedLetter[]> {
    await this.#letters.readOn(neverAborted)
    return chooseLetters(this.#letters, filter, neverAborted)
  }

  async #one(id: string): Promise<BookedLetter> {
    const [letter] = await this.#choose({ ids: [id] })
    if (!letter)
      throw new HoldfastError('LETTER_UNKNOWN', { detail: `group ${this.#o.group} has no letter ${id}` })
    return letter
  }

  async #select(
    selection: Selection,
    statuses: readonly LetterStatus[],
    limit?: number,
  ): Promise<{ letters: readonly SeenLetter[]; report: SelectionReport }> {
    await this.#letters.readOn(neverAborted)
    return selectLetters(this.#letters, selection, { statuses, limit })
  }

  #wish({ by, reason }: { readonly by?: string | undefined; readonly reason?: string | undefined }): Wish {
    return { by: (by ?? this.#o.by).slice(0, MAX_TEXT), reason: (reason ?? '').slice(0, MAX_TEXT) }
  }
}

const neverAborted = new AbortController().signal
