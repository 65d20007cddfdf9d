import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { boundLog } from '../../../test/support/bound-log.ts'
import { LaneGroup } from '../../../test/support/lane-group.ts'
import { describeOn } from '../../../test/support/test-logs.ts'
import { toArray, until } from '../../../test/support/wait.ts'
import { silentLogger, systemClock, systemRandom } from '../../event/index.ts'
import type { Log, LogSystem } from '../../log/index.ts'
import { topic } from '../../schema/index.ts'
import { deadLetters } from './dead-letters.ts'
import type { LetterFilter } from './choose.ts'
import type { Letter } from './letter-view.ts'
import type { DeadLetters } from './letters-api.ts'

const orders = topic('orders', {
  key: 'order',
  partitions: 2,
  events: {
    placed: z.object({ order: z.string(), cents: z.number().min(0), note: z.string().optional() }),
    seen: z.object({ order: z.string() }),
  },
})

interface Placed {
  readonly order: string
  readonly cents: number
}

const env = { clock: systemClock, random: systemRandom, logger: silentLogger }

function lettersOf({ log }: LogSystem, group = 'billing'): DeadLetters {
  const { clock, random } = env
  return deadLetters({ log, group, clock, random, by: 'tester', topicOf: () => orders })
}

/** Whoever refuses what is over 100. */
function refuseLarge(data: unknown): void {
  const { cents } = data as Placed
  if (cents > 100) throw new RangeError(`${cents} cents are too many`)
}

describeOn(['memory', 'embedded'], 'dead letters', on => {
  let system: LogSystem
  let group: LaneGroup
  let dead: DeadLetters

  beforeEach(async () => {
    system = await (await on.fresh()).open(env)
    group = new LaneGroup(system, { name: 'billing', topic: orders, handler: refuseLarge })
    await group.start()
    dead = lettersOf(system)
  })

  afterEach(async () => {
    await group.stop()
    await system.close()
  })

  const place = (...cents: readonly number[]): Promise<void> =>
    group.send('placed', ...cents.map((each, i) => ({ order: `o${i}`, cents: each })))
  const ids = async (): Promise<string[]> => (await toArray(dead.list())).map(letter => letter.id)

  it('are grouped by what they died of, whatever numbers are in the message', async () => {
    group.handler = data => {
      refuseLarge(data)
      if ((data as Placed).cents === 7) throw new TypeError('no "seven" please')
    }
    await place(101, 5, 202, 7, 303)
    await group.atRest()
    const causes = await dead.causes()
    expect(causes).toMatchObject([
      { error: 'attempts: RangeError', message: '# cents are too many', open: 3, types: ['placed'] },
      { error: 'attempts: TypeError', message: 'no … please', open: 1 },
    ])
    expect(causes[0]?.place).toMatch(/^refuseLarge \(letters\/dead-letters\.int\.test\.ts\)$/)
    const [first] = causes
    expect(await toArray(dead.list({ cause: first?.id ?? '' }))).toHaveLength(3)
    expect(await toArray(dead.list({ cause: 'TypeError' }))).toHaveLength(1)
    expect(await toArray(dead.list({ type: 'placed', topic: 'orders' }))).toHaveLength(4)
    expect(await toArray(dead.list({ type: 'seen' }))).toEqual([])
    expect(await toArray(dead.list({ topic: 'invoices' }))).toEqual([])
    expect(await toArray(dead.list({ where: 'data.cents > 250' }))).toMatchObject([
      { status: 'died', version: 1, reason: 'attempts', last: { message: '303 cents are too many' } },
    ])
    expect((await dead.stats()).byStatus).toEqual({
      died: 4,
      replaying: 0,
      resolved: 0,
      discarded: 0,
      superseded: 0,
    })
  })

  it('come newest first, in pages that can be cut anywhere', async () => {
    await place(...Array.from({ length: 25 }, (_, i) => 101 + i))
    await group.atRest()
    const all = await toArray(dead.list())
    expect(all).toHaveLength(25)
    expect(all.map(letter => letter.diedAt)).toEqual(
      all.map(letter => letter.diedAt).toSorted((a, b) => b - a),
    )
    const paged: string[] = []
    for (let after: string | undefined; ; after = paged.at(-1)) {
      const page = await toArray(dead.list({ limit: 10, after }))
      if (page.length === 0) break
      paged.push(...page.map(letter => letter.id))
    }
    expect(paged).toEqual(all.map(letter => letter.id))
  })

  it('show their first page from the end of what was written, as the whole list has it', async () => {
    await place(...Array.from({ length: 600 }, (_, i) => 101 + i))
    await group.atRest()
    let read = 0
    const log: Log = {
      ...boundLog(system.log),
      read: async (at, limits, signal) => {
        const page = await system.log.read(at, limits, signal)
        read += page.records.length
        return page
      },
    }
    const firstPage = (filter: LetterFilter): Promise<Letter[]> => {
      const { clock, random } = env
      const of = { log, group: 'billing', clock, random, by: 'tester', topicOf: () => orders }
      return toArray(deadLetters(of).list({ ...filter, limit: 5 }))
    }
    expect(await firstPage({})).toEqual((await toArray(dead.list())).slice(0, 5))
    // 105 records of each of two partitions, and those around what is shown; 600 and those would be all.
    expect(read).toBeLessThanOrEqual(2 * 105 + 2 * 201)

    // The newest have the most written about them: applied, dead again, discarded, edited.
    group.handler = data => {
      if ((data as Placed).cents % 2 === 0) throw new RangeError('even')
    }
    await dead.replay({ where: 'data.cents > 600' })
    const edited = { where: 'data.cents > 690 && status == "died"' }
    await dead.edit(edited, { patch: { note: 'x' } }, { reason: 'r' })
    await dead.discard({ where: 'data.cents > 680 && edits == 0' }, { reason: 'r' })
    const filters: LetterFilter[] = [
      {},
      { status: 'all' },
      { where: 'edits == 1' },
      { where: 'data.cents < 105' },
    ]
    for (const filter of filters)
      expect(await firstPage(filter)).toEqual((await toArray(dead.list(filter))).slice(0, 5))
  })

  it('are replayed to their group once it is mended, and applied once', async () => {
    await place(101, 5, 202)
    await group.atRest()
    group.handler = () => {}
    const report = await dead.replay({ cause: 'RangeError' }, { reason: 'mended' })
    expect(report).toMatchObject({ letters: 2, accepted: 2, resolved: 2, diedAgain: [], running: 0 })
    expect(group.applied.map(one => (one.data as Placed).cents).toSorted((a, b) => a - b)).toEqual([
      5, 101, 202,
    ])
    expect(await ids()).toEqual([])
    const [resolved] = await toArray(dead.list({ status: 'resolved' }))
    const { history } = await dead.show(resolved?.id ?? '')
    expect(history).toMatchObject([
      { kind: 'died' },
      { kind: 'replaying', by: 'tester', reason: 'mended' },
      { kind: 'resolved' },
    ])
  })

  it('hazard 50: twenty clicks at once are one replay', async () => {
    await place(101)
    await group.atRest()
    const [id = ''] = await ids()
    group.handler = () => {}
    const before = group.calls
    const others = Array.from({ length: 10 }, () => lettersOf(system))
    const clicks = [...others, ...others].map(each => each.replay(id))
    const reports = await Promise.all(clicks)
    expect(reports.reduce((sum, report) => sum + report.accepted, 0)).toBe(1)
    expect(reports.flatMap(report => report.refused)).toHaveLength(
      reports.reduce((sum, report) => sum + report.letters, 0) - 1,
    )
    expect(group.calls - before).toBe(1)
    expect(group.applied).toHaveLength(1)
  })

  it('say what would be done, and do nothing, in a dry run', async () => {
    await place(101, 202, 303)
    await group.atRest()
    const calls = group.calls
    const report = await dead.replay({ where: 'data.cents > 150' }, { dryRun: true })
    expect(report).toMatchObject({ executed: false, letters: 2, accepted: 0, notAsked: 2 })
    expect(report.byCause).toMatchObject([{ letters: 2 }])
    expect(report.byType).toEqual([{ of: 'placed', letters: 2 }])
    expect(report.byPartition.reduce((sum, each) => sum + each.letters, 0)).toBe(2)
    expect(group.calls).toBe(calls)
    expect((await dead.stats()).byStatus.died).toBe(3)
  })

  it('are tried one first, and say that it died again', async () => {
    await place(101, 202, 303)
    await group.atRest()
    const report = await dead.replay({}, { first: 1 })
    expect(report).toMatchObject({ letters: 1, accepted: 1, resolved: 0 })
    expect(report.diedAgain).toHaveLength(1)
    const again = await dead.show(report.diedAgain[0] ?? '')
    expect(again).toMatchObject({ status: 'died', round: 1, version: 3 })
  })

  it('run an edited event as a new one that links to the original, which stays', async () => {
    await place(101)
    await group.atRest()
    const [id = ''] = await ids()
    const original = await dead.show(id)
    const edit = await dead.edit(id, { patch: { cents: 1 } }, { reason: 'ticket 7' })
    expect(edit).toMatchObject({
      edited: 1,
      examples: [{ differences: [{ kind: 'changed', path: '/cents', was: 101, now: 1 }] }],
    })
    expect(await dead.replay(id)).toMatchObject({ resolved: 1 })
    const [{ event, data } = expect.fail()] = group.applied
    expect(data).toEqual({ order: 'o0', cents: 1 })
    expect(event).toMatchObject({ id: `${id}-1`, causationId: original.eventId, source: '/test' })
    expect(event.acceptedAt.getTime()).toBeGreaterThanOrEqual(original.diedAt)
    const after = await dead.show(id)
    expect(after).toMatchObject({ status: 'resolved', edits: 1, eventId: `${id}-1` })
    expect(after.original).toEqual({ headers: original.headers, value: original.value })
    expect(after.history.map(one => [one.kind, one.reason])).toEqual([
      ['died', '101 cents are too many'],
      ['edited', 'ticket 7'],
      ['replaying', ''],
      ['resolved', undefined],
    ])
  })

  it('take one of two edits at once, and no edit of what is replayed already', async () => {
    await place(101)
    await group.atRest()
    const [id = ''] = await ids()
    const both = await Promise.allSettled(
      [1, 2].map(cents => lettersOf(system).edit(id, { patch: { cents } }, { reason: 'r' })),
    )
    const lost = both.flatMap(one => (one.status === 'rejected' ? [one.reason as unknown] : []))
    expect(lost).toMatchObject([{ code: 'LETTER_CHANGED' }])
    expect(await dead.show(id)).toMatchObject({ edits: 1, version: 2 })
    expect(await dead.replay(id)).toMatchObject({ resolved: 1 })
    await expect(dead.edit(id, { patch: { cents: 3 } }, { reason: 'r' })).rejects.toMatchObject({
      code: 'LETTER_CHANGED',
    })
  })

  it('refuse an edit that the schema refuses, or that gives the event another key', async () => {
    await place(101)
    await group.atRest()
    const [id = ''] = await ids()
    const edit = (patch: unknown): Promise<unknown> => dead.edit(id, { patch }, { reason: 'r' })
    await expect(edit({ cents: -1 })).rejects.toMatchObject({ code: 'EVENT_SCHEMA' })
    await expect(edit({ cents: null })).rejects.toMatchObject({ code: 'EVENT_SCHEMA' })
    await expect(edit({ order: 'other', cents: 1 })).rejects.toMatchObject({ code: 'LETTER_NOT_EDITABLE' })
    expect(await dead.show(id)).toMatchObject({ edits: 0, version: 1 })
  })

  it('are edited by one rule for a whole cause, and what it cannot mend is named', async () => {
    await place(101, 202, 5_000)
    await group.atRest()
    const rule = (data: unknown): unknown => {
      const { cents, ...rest } = data as Placed
      return { ...rest, cents: cents > 1_000 ? -1 : cents % 100 }
    }
    const preview = await dead.edit({ cause: 'RangeError' }, rule, { reason: 'r', dryRun: true })
    expect(preview).toMatchObject({ executed: false, edited: 2 })
    expect((await dead.stats()).byStatus.died).toBe(3)
    const report = await dead.edit({ cause: 'RangeError' }, rule, { reason: 'r' })
    expect(report).toMatchObject({ edited: 2, refused: [{ reason: expect.stringContaining('/cents') }] })
    expect(await dead.replay({ where: 'edits > 0' })).toMatchObject({ letters: 2, resolved: 2 })
    expect(group.applied.map(one => (one.data as Placed).cents).toSorted((a, b) => a - b)).toEqual([1, 2])
  })

  it('stay away once discarded, and can be taken back', async () => {
    await place(101)
    await group.atRest()
    const [id = ''] = await ids()
    expect(await dead.discard(id, { reason: 'a test order' })).toMatchObject({ accepted: 1 })
    expect(await ids()).toEqual([])
    expect((await dead.openByTopic()).get('orders')).toEqual({ letters: 0, oldestAt: undefined })
    expect(await dead.replay(id)).toMatchObject({ letters: 0, leftOut: 1 })
    expect(await dead.restore(id)).toMatchObject({ accepted: 1 })
    const { diedAt } = await dead.show(id)
    expect((await dead.openByTopic()).get('orders')).toEqual({ letters: 1, oldestAt: diedAt })
    group.handler = () => {}
    expect(await dead.replay(id)).toMatchObject({ resolved: 1 })
    expect((await dead.show(id)).history.map(one => one.kind)).toEqual([
      'died',
      'discarded',
      'restored',
      'replaying',
      'resolved',
    ])
  })

  it('keep notes without becoming another version', async () => {
    await place(101)
    await group.atRest()
    const [id = ''] = await ids()
    await dead.note(id, 'asked the shop', { by: 'ada' })
    const letter = await dead.show(id)
    expect(letter).toMatchObject({ version: 1 })
    expect(letter.history.at(-1)).toMatchObject({ kind: 'noted', by: 'ada', reason: 'asked the shop' })
  })

  it('differ from the last good event of their type by these fields', async () => {
    await group.send('placed', { order: 'o0', cents: 3, note: 'x' })
    await group.send('seen', { order: 'o0' })
    await group.send('placed', { order: 'o0', cents: 900 }, { order: 'o0', cents: 101 })
    await group.atRest()
    const [newest = ''] = await ids()
    const diff = await dead.diff(newest)
    expect(diff.good).toMatchObject({ id: 'placed-1-0' })
    expect(diff.differences).toEqual([
      { kind: 'changed', path: '/cents', was: 3, now: 101 },
      { kind: 'removed', path: '/note', was: 'x' },
    ])
    expect(diff.searched).toMatch(/^orders\/\d from offset \d+ back to \d+$/)
  })

  it('are exported as lines of their events, edited ones as they were edited', async () => {
    await place(101, 202)
    await group.atRest()
    const [{ id } = expect.fail()] = await toArray(dead.list({ where: 'key == "o0"' }))
    await dead.edit(id, { patch: { cents: 1 } }, { reason: 'r' })
    const lines = (await toArray(dead.export())).map(line => JSON.parse(line) as Record<string, unknown>)
    expect(lines.toSorted((a, b) => String(a['key']).localeCompare(String(b['key'])))).toMatchObject([
      {
        topic: 'orders',
        key: 'o0',
        data: { order: 'o0', cents: 1 },
        headers: { ce_id: `${id}-1` },
        letter: id,
      },
      { topic: 'orders', key: 'o1', data: { order: 'o1', cents: 202 }, headers: { ce_type: 'placed' } },
    ])
    expect(lines.every(line => !('hf-letter' in (line['headers'] as object)))).toBe(true)
  })

  it('are asked for while nobody runs the group, and done when somebody does', async () => {
    await place(101)
    await group.atRest()
    const [id = ''] = await ids()
    await group.stop()
    const report = await dead.replay(id, { answerWithin: '200ms' })
    expect(report).toMatchObject({ accepted: 0, unanswered: 1 })
    group.handler = () => {}
    await group.start()
    await until(async () => (await dead.show(id)).status === 'resolved')
    expect(group.applied).toHaveLength(1)
  })

  it('are of one group: another one sees nothing of a replay', async () => {
    const other = new LaneGroup(system, { name: 'mails', topic: orders, handler: () => {} })
    await other.start()
    await place(101, 5)
    await group.atRest()
    await other.atRest()
    group.handler = () => {}
    await dead.replay({})
    await other.atRest()
    expect([group.applied.length, other.applied.length, other.calls]).toEqual([2, 2, 2])
    await other.stop()
  })

  it('of a held key let it go on when they are released, and stay', async () => {
    const held = new LaneGroup(system, {
      name: 'held',
      topic: orders,
      whenDead: 'hold',
      handler: refuseLarge,
    })
    await held.start()
    await held.send('placed', { order: 'a', cents: 101 }, { order: 'a', cents: 5 }, { order: 'b', cents: 6 })
    await held.atRest(2)
    const cents = (): number[] => held.applied.map(one => (one.data as Placed).cents)
    expect(cents()).toEqual([6])
    const letters = lettersOf(system, 'held')
    await until(async () => (await letters.stats()).open === 1)
    expect(await letters.release({})).toMatchObject({ accepted: 1 })
    await held.atRest()
    expect(cents()).toEqual([6, 5])
    expect(await toArray(letters.list())).toMatchObject([{ status: 'died', version: 1 }])
    expect(await letters.release({})).toMatchObject({ accepted: 0, refused: [{ reason: 'nothing is held' }] })
    await held.stop()
  })

  it('are not asked for while as many as may be are under way, or they would fill the lane', async () => {
    await place(...Array.from({ length: 90 }, (_, i) => 101 + i))
    await group.atRest()
    const opened = Promise.withResolvers<void>()
    group.handler = () => opened.promise
    const { clock, random } = env
    const of = { log: system.log, group: 'billing', clock, random, by: 'tester', topicOf: () => orders }
    let answered = 0
    const replay = deadLetters({ ...of, maxUnderWay: 2 }).replay(
      {},
      { progress: seen => void (answered = seen.answered) },
    )
    await until(() => answered >= 3)
    await new Promise(resolve => setTimeout(resolve, 500)) // time for all of them
    expect(answered).toBeLessThanOrEqual(2 + 1 + 64) // and as many as wait for their answer at once
    opened.resolve()
    expect(await replay).toMatchObject({ accepted: 90, resolved: 90, running: 0 })
  })

  it('are not replayed by a decision that was made before they died again', async () => {
    await place(101, 202)
    await group.atRest()
    const calls = group.calls
    let answered = 0
    // The second one is asked for a second after the first, and meanwhile somebody else tries it in vain.
    const both = dead.replay({}, { rate: '1/s', progress: seen => void (answered = seen.answered) })
    await until(() => answered === 1)
    const [second = expect.fail()] = await toArray(dead.list({ where: 'round == 0' }))
    expect(await dead.replay(second.id)).toMatchObject({ diedAgain: [second.id] })
    expect(await both).toMatchObject({ accepted: 1, refused: [{ id: second.id }] })
    expect(group.calls - calls).toBe(2)
  })

  it('name an id that is none, and a group without a lane', async () => {
    await expect(dead.show('dl_0')).rejects.toMatchObject({ code: 'LETTER_UNKNOWN' })
    await place(101)
    await group.atRest()
    await group.stop()
    await system.log.topics.delete('orders.billing.retry')
    await expect(dead.replay({})).rejects.toMatchObject({ code: 'LANE_MISSING' })
  })

  it('replay no faster than they are told to', async () => {
    await place(...Array.from({ length: 12 }, (_, i) => 101 + i))
    await group.atRest()
    group.handler = () => {}
    const began = systemClock.monotonic()
    expect(await dead.replay({}, { rate: '40/s' })).toMatchObject({ resolved: 12 })
    expect(systemClock.monotonic() - began).toBeGreaterThanOrEqual((11 * 1_000) / 40 - 5)
  })
})

describeOn(['embedded', 'kafka'], 'dead letters of another process', on => {
  it('are replayed from one that has the log open', async () => {
    const driver = await on.fresh()
    const owner = await driver.open(env)
    const visitor = await driver.open(env)
    const group = new LaneGroup(owner, { name: 'billing', topic: orders, handler: refuseLarge })
    await group.start()
    await group.send('placed', { order: 'o', cents: 101 })
    await group.atRest()
    group.handler = () => {}
    expect(await lettersOf(visitor).replay({})).toMatchObject({ letters: 1, resolved: 1 })
    expect(group.applied).toHaveLength(1)
    await group.stop()
    await visitor.close()
    await owner.close()
  })
})
