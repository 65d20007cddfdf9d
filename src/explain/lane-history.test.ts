import { expect, it } from 'vitest'
import { memory } from '../drivers/memory/index.ts'
import { offset, seededRandom, silentLogger, type LogRecord, type Offset } from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
import {
  encodeLaneRecord,
  encodeNote,
  laneTopicOf,
  type LaneNote,
  type LaneRecord,
} from '../recover/lane/index.ts'
import { virtualClock } from '../testing/virtual-clock.ts'
import { laneHistory, type LaneHistory } from './lane-history.ts'

const LANE = laneTopicOf('orders', 'billing')
const failure = { name: 'Error', code: 'CARD', message: 'declined', stack: undefined, at: 0 }
const event = { key: 'ada', headers: {}, value: null, time: 0 }

/** A lane as its owners write it, one record a second. */
class Lane {
  readonly clock = virtualClock(1_000)
  readonly #system: Promise<LogSystem>
  #seq = 0
  tenure = 'first'

  constructor() {
    this.#system = this.#open()
  }

  async #open(): Promise<LogSystem> {
    const system = await memory().open({ clock: this.clock, random: seededRandom(1), logger: silentLogger })
    await system.log.topics.create(LANE, { partitions: 1 })
    return system
  }

  async write(...records: readonly Unsigned[]): Promise<void> {
    const { log } = await this.#system
    for (const record of records) {
      await this.clock.advance(1_000)
      const whole = { tenure: this.tenure, seq: ++this.#seq, ...record } as LaneRecord
      await log.append(LANE, [encodeLaneRecord(whole, 0)])
    }
  }

  async of(origin: number, main: number, note: Partial<LaneNote> = {}): Promise<LaneHistory | undefined> {
    const { log } = await this.#system
    const record: LogRecord = {
      topic: 'orders',
      partition: 0,
      offset: offset(origin),
      timestamp: 1_500,
      key: 'ada',
      headers: {},
      value: null,
    }
    const tenures = [{ id: 'first', fence: offset(0), main: offset(0), released: false }]
    const committed = {
      topic: 'orders',
      partition: 0,
      offset: offset(main),
      note: encodeNote({ lane: offset(0), tenures, ...note }),
    }
    return laneHistory(log, { record, group: 'billing', committed }, new AbortController().signal)
  }
}

type Unsigned = LaneRecord extends infer R
  ? R extends LaneRecord
    ? Omit<R, 'tenure' | 'seq'>
    : never
  : never

const identity = (origin: number, round = 0): { generation: number; origin: Offset; round: number } => ({
  generation: 0,
  origin: offset(origin),
  round,
})
const state = { attempts: 0, dueAt: 0, deaths: 0, final: undefined, first: undefined, last: undefined }
const failed = { ...state, attempts: 1, dueAt: 30_000, first: failure, last: failure }
const fence: Unsigned = { kind: 'fence', topic: 'orders', group: 'billing' }

it('tells each run of an event in the lane with its error and its time, and what it waits for', async () => {
  const lane = new Lane()
  await lane.write(
    fence,
    { kind: 'park', ...identity(5), state: failed, event },
    { kind: 'park', ...identity(4), state: failed, event: { ...event, key: 'bob' } },
    { kind: 'park', ...identity(7), state, event },
    { kind: 'start', ...identity(5) },
    { kind: 'attempt', ...identity(5), attempts: 2, dueAt: 90_000, final: undefined, failure },
  )
  expect(await lane.of(5, 10)).toEqual({
    open: { round: 0, behind: undefined, state: { ...failed, attempts: 2, dueAt: 90_000 } },
    attempts: [
      { number: 1, round: 0, at: 0, tookMs: undefined, outcome: 'failed', failure },
      { number: 2, round: 0, at: 7_000, tookMs: 1_000, outcome: 'failed', failure },
    ],
    closed: undefined,
    unknown: undefined,
  })
  expect(await lane.of(7, 10)).toMatchObject({ open: { behind: 5n, state: { attempts: 0 } }, attempts: [] })
  expect(await lane.of(6, 10)).toEqual({
    open: undefined,
    attempts: [],
    closed: undefined,
    unknown: undefined,
  })
})

it('tells how it ended, and a death of the process from an attempt', async () => {
  const lane = new Lane()
  await lane.write(
    fence,
    { kind: 'park', ...identity(5), state: failed, event },
    { kind: 'start', ...identity(5) },
    { kind: 'start', ...identity(5) },
    { kind: 'closed', ...identity(5), how: 'resolved' },
  )
  expect(await lane.of(5, 10)).toMatchObject({
    open: undefined,
    attempts: [{ outcome: 'failed' }, { outcome: 'process died' }, { outcome: 'succeeded', tookMs: 1_000 }],
    closed: { how: 'resolved', at: 6_000 },
  })
})

it('holds an event that died and was replayed apart by its rounds', async () => {
  const lane = new Lane()
  await lane.write(
    fence,
    { kind: 'park', ...identity(5), state: { ...failed, final: 'attempts' }, event },
    { kind: 'closed', ...identity(5), how: 'dead' },
    { kind: 'park', ...identity(5, 1), state, event },
    { kind: 'start', ...identity(5, 1) },
    { kind: 'closed', ...identity(5, 1), how: 'resolved' },
  )
  expect(await lane.of(5, 10)).toMatchObject({
    attempts: [
      { round: 0, number: 1, outcome: 'failed' },
      { round: 1, number: 1, outcome: 'succeeded' },
    ],
    closed: { how: 'resolved' },
  })
})

it('believes only the owner in whose stretch a record stands, and no park that was never committed', async () => {
  const lane = new Lane()
  await lane.write(fence, { kind: 'park', ...identity(5), state: failed, event })
  await lane.write({ kind: 'park', ...identity(20), state: failed, event })
  const second = { id: 'second', fence: offset(3), main: offset(10), released: false }
  lane.tenure = 'second'
  await lane.write(fence)
  lane.tenure = 'first'
  await lane.write(
    { kind: 'start', ...identity(5) },
    { kind: 'attempt', ...identity(5), attempts: 2, dueAt: 0, final: undefined, failure },
    { kind: 'closed', ...identity(5), how: 'resolved' },
  )
  const tenures = [{ id: 'first', fence: offset(0), main: offset(0), released: false }, second]
  expect(await lane.of(5, 10, { tenures })).toMatchObject({
    open: { state: { attempts: 1 } },
    attempts: [{ number: 1 }],
    closed: undefined,
  })
  expect((await lane.of(5, 10, { tenures }))?.attempts).toHaveLength(1)
  expect(await lane.of(20, 10, { tenures })).toMatchObject({ open: undefined })
})

it('says why it knows nothing of a lane that cannot be read', async () => {
  const lane = new Lane()
  await lane.write(fence)
  expect(await lane.of(5, 10, { tenures: [] })).toMatchObject({ open: undefined })
  await lane.write({ kind: 'park', ...identity(5), state: failed, event })
  expect((await lane.of(5, 10, { tenures: [] }))?.unknown).toContain('names nobody who may write there')
})
