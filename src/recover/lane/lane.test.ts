import { describe, expect, it } from 'vitest'
import { TopicMark } from '../../../test/support/topic-mark.ts'
import { offset, type Offset } from '../../event/index.ts'
import { letterAfter, type LetterState } from '../letter-state.ts'
import type { Effect, Input, PlacedRecord, RunResult } from './lane-io.ts'
import type { LaneSettings } from './lane-parts.ts'
import { retryLane, type RetryLane } from './lane.ts'
import type { Request } from './lane-record.ts'
import { COPY_FORWARD_AT, type LaneNote } from './tenure.ts'

const settings: LaneSettings = {
  order: 'key',
  whenDead: 'continue',
  maxParked: 100,
  maxRuns: 4,
  maxTogether: 1,
  maxWaitMs: 10_000_000,
  maxDeaths: 3,
  sparse: 10,
  compactFrom: 1_000,
  batch: undefined,
}
const failure = { name: 'Error', code: undefined, message: 'no', stack: undefined, at: 0 }
const retry = (dueAt = 0): RunResult => ({ kind: 'retry', dueAt, failure })
const dead: RunResult = { kind: 'dead', reason: 'data', failure, tried: true }

/** A log, letters and positions that answer everything at once; only runs and commits wait for the test. */
class Partition {
  readonly lane: PlacedRecord[] = []
  readonly letters = new Map<Offset, LetterState>()
  committed: { main: Offset; note: LaneNote | undefined } = { main: offset(0), note: undefined }
  now = 0
  runs: { readonly run: number; readonly origins: readonly number[] }[] = []
  checks: Extract<Effect, { kind: 'check' }>[] = []
  machine: RetryLane
  #mark = new TopicMark(offset(0))
  #takeovers = 0
  #readTo = offset(0)
  #settings: LaneSettings

  constructor(changed: Partial<LaneSettings> = {}) {
    this.#settings = { ...settings, ...changed }
    this.machine = this.takeOver()
  }

  /** A new owner; whatever the last one had not finished is gone with it. */
  takeOver(): RetryLane {
    const { main, note } = this.committed
    this.runs = []
    this.checks = []
    this.#mark = new TopicMark(main)
    this.#readTo = note?.lane ?? offset(0)
    this.machine = retryLane({
      topic: 't',
      group: 'g',
      generationOf: () => 0,
      tenure: `W${this.#takeovers++}`,
      committed: main,
      note,
      laneStart: offset(0),
      watermark: this.#mark,
      settings: this.#settings,
    })
    this.tell({ kind: 'tick' })
    this.read()
    return this.machine
  }

  tell(input: Input): void {
    for (const effect of this.machine.handle(input, this.now)) this.#do(effect)
    if (this.hasPlaces && this.machine.wantsPlace) this.tell({ kind: 'place' })
  }

  #do(effect: Effect): void {
    switch (effect.kind) {
      case 'append': {
        const position = offset(this.lane.length)
        const event = { key: this.keyOf(effect), headers: this.headersOf(effect), value: null, time: 0 }
        const { record } = effect
        this.lane.push(record.kind === 'park' ? { ...record, event, position } : { ...record, position })
        const appended = (): void => this.tell({ kind: 'appended', seq: record.seq, position })
        return this.unanswered ? void this.unanswered.push(appended) : appended()
      }
      case 'letter': {
        const { origin, change } = effect.letter
        this.letterWritten?.()
        const after = letterAfter(this.letters.get(origin), change)
        if (after) this.letters.set(origin, after)
        return this.tell({ kind: 'written', ref: effect.ref })
      }
      case 'look-up': {
        const state = this.letters.get(effect.origin)
        const letter = state && { ...state, key: 'a' }
        return this.tell({ kind: 'looked-up', ref: effect.ref, letter })
      }
      case 'commit':
        this.committed = { main: effect.main, note: effect.note }
        return this.tell({ kind: 'committed' })
      case 'run':
        this.runs.push({ run: effect.run, origins: effect.events.map(event => Number(event.origin)) })
        return
      case 'check':
        this.checks.push(effect)
        return
    }
  }

  keyOf({ record }: Extract<Effect, { kind: 'append' }>): string {
    return 'origin' in record ? (this.keys.get(Number(record.origin)) ?? 'a') : 'a'
  }

  /** Whether an entry that wants to run gets a place. */
  hasPlaces = true
  /** What the log has still to say, while it takes its time. */
  unanswered: (() => void)[] | undefined
  readonly keys = new Map<number, string>()
  readonly tenants = new Map<number, string | undefined>()
  /** What happens to a letter just before it is written. */
  letterWritten: (() => void) | undefined

  /** Why requests were refused, undefined for those that were done. */
  get answers(): readonly (string | undefined)[] {
    return this.lane.flatMap(record => (record.kind === 'answer' ? [record.refused] : []))
  }

  headersOf({ record }: Extract<Effect, { kind: 'append' }>): Record<string, string> {
    const tenant = 'origin' in record ? this.tenants.get(Number(record.origin)) : undefined
    return tenant === undefined ? {} : { ce_tenant: tenant }
  }

  deliver(at: number, key = 'a', tenant?: string): void {
    this.keys.set(at, key)
    this.tenants.set(at, tenant)
    this.#mark.delivered(offset(at), offset(at + 1))
    this.machine.met(tenant)
    this.tell({ kind: 'delivered', offset: offset(at), key, tenant })
  }

  /** What runs ends, in the order in which it began, with these results. */
  finish(...results: readonly RunResult[]): void {
    for (const result of results) {
      const run = this.runs.shift()
      if (!run) throw new Error('nothing runs')
      this.tell({ kind: 'ran', run: run.run, results: run.origins.map(() => result) })
    }
  }

  commit(): void {
    this.tell({ kind: 'commit-due' })
  }

  read(): void {
    const records = this.lane.filter(record => record.position >= this.#readTo)
    this.#readTo = offset(this.lane.length)
    this.tell({ kind: 'read', records, next: this.#readTo })
  }

  ask(action: Request['action'], origin: number, letterVersion = 0): void {
    const position = offset(this.lane.length)
    const id = `q${position}`
    const by = { by: 'me', reason: 'test' }
    this.lane.push({
      kind: 'request',
      id,
      action,
      generation: 0,
      origin: offset(origin),
      letterVersion,
      ...by,
      position,
    })
    this.read()
  }

  get running(): readonly number[] {
    return this.runs.flatMap(run => run.origins)
  }

  /** Kinds of what stands in the lane about one event. */
  marks(origin: number): readonly string[] {
    return this.lane.flatMap(record =>
      'round' in record && record.origin === BigInt(origin) ? record.kind : [],
    )
  }

  /** Parks an event and commits, so that it is the lane's. */
  parked(at: number, key = 'a', result = retry(), tenant?: string): void {
    this.deliver(at, key, tenant)
    const run = this.runs.findIndex(run => run.origins.includes(at))
    this.runs.unshift(...this.runs.splice(run, 1))
    this.finish(result)
    this.commit()
  }
}

describe('a partition with its retry lane', () => {
  it('hazard 46: parks what fails with the later events of its key, and lets the other keys run', () => {
    const p = new Partition()
    p.deliver(0)
    p.deliver(1)
    p.deliver(2, 'b')
    expect(p.running).toEqual([0, 2])
    p.finish(retry(1_000))
    expect(p.marks(1)).toEqual(['park'])
    expect(p.running).toEqual([2])
    expect(p.machine.open).toBe(2)
  })

  it('runs a parked event when it is due and not before, and then those behind it', () => {
    const p = new Partition()
    p.deliver(0)
    p.deliver(1)
    p.finish(retry(1_000))
    p.commit()
    expect(p.running).toEqual([])
    expect(p.machine.dueAt).toBe(1_000)
    p.now = 999
    p.tell({ kind: 'tick' })
    expect(p.running).toEqual([])
    p.now = 1_000
    p.tell({ kind: 'tick' })
    expect(p.running).toEqual([0])
    p.finish({ kind: 'done' })
    expect(p.running).toEqual([1])
    p.finish({ kind: 'done' })
    expect(p.machine.open).toBe(0)
    expect(p.machine.dueAt).toBeUndefined()
  })

  it('hazard 88: lets no event of a tenant that holds half of what may be parked wait for its time, until it holds a quarter', () => {
    const p = new Partition({ maxParked: 8, maxRuns: 8 })
    const park = (at: number, tenant: string): void =>
      p.parked(at, `${tenant}/${at}`, retry(1_000_000), tenant)
    park(0, 'noisy')
    for (const at of [1, 2, 3]) park(at, 'noisy')
    expect([p.running, p.machine.crowds('noisy')]).toEqual([[], false]) // alone it may have all of it
    park(4, 'quiet')
    expect([p.running, p.machine.crowds('noisy')]).toEqual([[0, 1, 2, 3], true])
    p.finish(dead)
    p.commit()
    expect([p.machine.open, p.machine.crowds('noisy')]).toEqual([4, true])
    p.tell({ kind: 'stop' })
    p.finish(...p.runs.map((): RunResult => ({ kind: 'again', alone: false })))
    p.takeOver() // a successor finds two tenants and three entries: it crowds nobody out
    expect([p.running, p.machine.crowds('noisy'), p.machine.isShared]).toEqual([[], false, true])
    park(5, 'noisy')
    expect(p.running).toEqual([1, 2, 3, 5])
    p.finish(dead, dead)
    p.commit()
    expect([p.machine.open, p.machine.crowds('noisy')]).toEqual([3, false])
    expect(p.lane.some(record => record.kind === 'start' && record.origin === 4n)).toBe(false)
  })

  it('hazard 88: counts what is being parked of a tenant as well, on a log that takes its time', () => {
    const p = new Partition({ maxParked: 8, maxRuns: 8 })
    p.unanswered = []
    p.deliver(0, 'quiet/0', 'quiet')
    for (const at of [1, 2, 3, 4]) p.deliver(at, `noisy/${at}`, 'noisy')
    p.finish({ kind: 'done' }, retry(1_000_000), retry(1_000_000), retry(1_000_000))
    expect(p.machine.crowds('noisy')).toBe(false)
    p.finish(retry(1_000_000))
    expect([p.machine.open, p.machine.crowds('noisy')]).toEqual([0, true])
    const answers = p.unanswered
    p.unanswered = undefined
    for (const answer of answers) answer()
    p.commit()
    expect([p.machine.open, p.running]).toEqual([4, [1, 2, 3, 4]])
    p.finish(dead)
    p.commit()
    expect([p.machine.open, p.machine.crowds('noisy')]).toEqual([3, true])
    p.finish(dead)
    p.commit()
    expect([p.machine.open, p.machine.crowds('noisy')]).toEqual([2, false]) // each counts once
  })

  it('runs it at once when an operator asks for that', () => {
    const p = new Partition()
    p.parked(0, 'a', retry(1_000_000))
    p.ask('run-now', 0)
    expect(p.running).toEqual([0])
    expect(p.lane.at(-2)).toMatchObject({ kind: 'answer', refused: undefined })
  })

  it('keeps a record of the topic as it is when its run ended for nothing: an outage parks nothing', () => {
    const p = new Partition()
    p.deliver(0)
    p.finish({ kind: 'again', alone: false })
    expect(p.running).toEqual([0])
    expect(p.lane.map(record => record.kind)).toEqual(['fence'])
  })

  it('begins no entry without a place for it, so that none is blamed for the end of a process in which it waited', () => {
    const p = new Partition()
    p.hasPlaces = false
    p.parked(0)
    expect(p.marks(0)).toEqual(['park'])
    expect(p.machine.wantsPlace).toBe(true)
    p.hasPlaces = true
    p.tell({ kind: 'tick' })
    expect(p.marks(0)).toEqual(['park', 'start'])
    p.finish({ kind: 'again', alone: false })
    expect(p.marks(0)).toEqual(['park', 'start', 'attempt', 'start'])
    expect(p.lane.at(-2)).toMatchObject({ attempts: 1 })
  })

  it('gives up an entry during which the process died three times, without calling its handler again', () => {
    const p = new Partition()
    p.parked(0)
    for (let death = 0; death < 3; death++) {
      expect(p.running).toEqual([0])
      p.takeOver()
    }
    expect(p.running).toEqual([])
    const [check] = p.checks
    expect(check?.event.origin).toBe(0n)
    p.tell({ kind: 'checked', ref: check?.ref ?? 0, applied: false })
    p.commit()
    expect(p.letters.get(offset(0))?.status).toBe('died')
    expect(p.lane.at(-1)).toMatchObject({ kind: 'closed', how: 'dead' })
  })

  it('writes no letter for one that was applied before the process died', () => {
    const p = new Partition()
    p.parked(0)
    for (let death = 0; death < 3; death++) p.takeOver()
    p.tell({ kind: 'checked', ref: p.checks[0]?.ref ?? 0, applied: true })
    expect(p.letters.size).toBe(0)
    expect(p.lane.at(-1)).toMatchObject({ kind: 'closed', how: 'resolved' })
  })

  it('runs what is under suspicion alone, so that the innocent are known after the next death', () => {
    const p = new Partition()
    for (const [at, key] of ['a', 'b', 'c'].entries()) p.parked(at, key)
    expect(p.running).toEqual([0, 1, 2])
    p.takeOver()
    expect(p.running).toEqual([0])
    p.finish({ kind: 'done' })
    expect(p.running).toEqual([1])
  })

  it('runs no more entries at once than it may', () => {
    const p = new Partition({ maxRuns: 2 })
    for (const [at, key] of ['a', 'b', 'c'].entries()) p.parked(at, key)
    expect(p.running).toEqual([0, 1])
    p.finish({ kind: 'done' })
    expect(p.running).toEqual([1, 2])
  })

  it('is full when as many are parked as may be, and takes records again when one is done', () => {
    const p = new Partition({ maxParked: 2 })
    p.deliver(0)
    p.deliver(1)
    p.finish(retry())
    expect(p.machine.full).toBe(true)
    p.commit()
    p.finish({ kind: 'done' })
    expect(p.machine.full).toBe(false)
  })

  it('is full of what is being parked as well, on a log that takes its time', () => {
    const p = new Partition({ maxParked: 1 })
    p.unanswered = []
    p.deliver(0)
    p.finish(retry())
    expect(p.machine.full).toBe(true)
    for (const answer of p.unanswered.splice(0)) answer()
    expect(p.machine.full).toBe(true)
  })

  it('keeps the order of a partition in one queue, and none at all where none is wanted', () => {
    const running = (order: LaneSettings['order']): readonly number[] => {
      const p = new Partition({ order })
      p.deliver(0, 'a')
      p.deliver(1, 'b')
      p.deliver(2, 'a')
      return p.running
    }
    expect(running('partition')).toEqual([0])
    expect(running('key')).toEqual([0, 1])
    expect(running('none')).toEqual([0, 1, 2])
  })

  it('holds the key of a dead event until somebody decides, where that is wanted', () => {
    const p = new Partition({ whenDead: 'hold' })
    p.parked(0, 'a', dead)
    p.deliver(1)
    p.deliver(2, 'b')
    p.commit()
    expect(p.letters.get(offset(0))?.status).toBe('died')
    expect(p.running).toEqual([2])
    p.ask('release', 0, 1)
    expect(p.running).toEqual([2, 1])
    expect(p.marks(0)).toEqual(['park', 'closed'])
  })

  it('replays a dead event ahead of the later ones of its key, and its letter is resolved', () => {
    const p = new Partition()
    p.parked(0, 'a', dead)
    p.deliver(1)
    p.ask('replay', 0, 1)
    p.deliver(2)
    expect(p.running).toEqual([1])
    p.finish({ kind: 'done' })
    p.commit()
    expect(p.running).toEqual([0])
    p.finish({ kind: 'done' })
    expect(p.letters.get(offset(0))).toMatchObject({ status: 'resolved', round: 1 })
    expect(p.running).toEqual([2])
  })

  it('answers the second of two clicks that the letter has changed', () => {
    const p = new Partition()
    p.parked(0, 'a', dead)
    p.ask('replay', 0, 1)
    p.ask('replay', 0, 1)
    p.commit()
    p.finish({ kind: 'done' })
    expect(p.answers).toEqual([undefined, 'the letter is replaying now, version 2'])
    expect(p.marks(0).filter(kind => kind === 'park')).toHaveLength(2)
  })

  it('does what the letter says when another owner decided about it in the same moment', () => {
    const p = new Partition()
    p.parked(0, 'a', dead)
    p.letterWritten = () => {
      p.letterWritten = undefined
      const change = { kind: 'discarded', version: 1, request: 'of another' } as const
      p.letters.set(offset(0), letterAfter(p.letters.get(offset(0)), change) ?? expect.fail())
    }
    p.ask('replay', 0, 1)
    expect(p.answers).toEqual(['another change was first'])
    expect(p.machine.open).toBe(0)
  })

  it('makes an event that waits for its retry a dead letter when that is cancelled', () => {
    const p = new Partition()
    p.parked(0, 'a', retry(1_000))
    p.ask('cancel', 0)
    p.tell({ kind: 'checked', ref: p.checks[0]?.ref ?? 0, applied: false })
    p.commit()
    expect(p.letters.get(offset(0))?.status).toBe('died')
  })

  it('hurries a commit only while something waits for one', () => {
    const p = new Partition()
    expect(p.machine.commitDue).toBe('yes') // the fence is behind it
    p.commit()
    expect(p.machine.commitDue).toBe('no')
    p.deliver(0, 'b')
    p.deliver(1)
    p.runs.reverse()
    p.finish(retry())
    expect(p.machine.commitDue).toBe('no') // 0 still runs, so nothing would come of it
    p.finish({ kind: 'done' })
    expect(p.machine.commitDue).toBe('soon')
    p.commit()
    expect(p.running).toEqual([1])
  })

  it('lets go when told: what runs ends, nothing begins, and the last commit says so', () => {
    const p = new Partition()
    p.deliver(0)
    p.deliver(1)
    p.tell({ kind: 'stop' })
    expect(p.machine.phase).toBe('live')
    p.finish(retry())
    expect(p.machine.phase).toBe('over')
    expect(p.running).toEqual([])
    expect(p.marks(1)).toEqual([])
    expect(p.committed).toMatchObject({ main: 1n, note: { tenures: [{ id: 'W0', released: true }] } })
  })

  it('does nothing any more when its commit is refused', () => {
    const p = new Partition()
    p.parked(0)
    p.tell({ kind: 'refused' })
    expect(p.machine.phase).toBe('over')
    p.finish({ kind: 'done' })
    expect(p.marks(0)).toEqual(['park', 'start'])
  })

  it('waits no longer than the longest wait there is, whatever the clock said when it failed', () => {
    const p = new Partition({ maxWaitMs: 60_000 })
    p.parked(0, 'a', retry(1e12))
    p.takeOver()
    expect(p.machine.dueAt).toBe(60_000)
    p.now = 60_000
    p.tell({ kind: 'tick' })
    expect(p.running).toEqual([0])
  })

  it('copies its entries forward when 64 owners came and went, and forgets those', () => {
    const p = new Partition()
    p.hasPlaces = false
    p.parked(0, 'a', retry(1_000_000))
    while ((p.committed.note?.tenures.length ?? 0) < COPY_FORWARD_AT - 1) {
      p.takeOver()
      p.read()
      p.commit()
    }
    expect(p.marks(0)).toEqual(['park'])
    p.takeOver()
    expect(p.marks(0)).toEqual(['park', 'park'])
    p.read()
    p.commit()
    expect(p.committed.note?.tenures.length).toBeLessThanOrEqual(4)
    p.takeOver()
    expect(p.machine.open).toBe(1)
  })

  it('copies the few open entries of a long lane together, so that the rest can be forgotten', () => {
    const p = new Partition({ compactFrom: 20 })
    p.parked(0, 'a', retry(1_000_000))
    for (let at = 1; at < 10; at++) {
      p.parked(at, 'b')
      p.finish({ kind: 'done' })
    }
    expect(p.marks(0)).toEqual(['park'])
    p.read()
    p.tell({ kind: 'tick' })
    expect(p.marks(0)).toEqual(['park', 'park'])
    p.read()
    p.commit()
    expect(p.machine.forgettable).toBe(BigInt(p.lane.length - 1))
  })

  it('stops rather than guess when the lane is not what the position says', () => {
    const open = (note: LaneNote | undefined, laneStart: number): RetryLane =>
      retryLane({
        topic: 't',
        group: 'g',
        generationOf: () => 0,
        tenure: 'W',
        committed: offset(5),
        note,
        laneStart: offset(laneStart),
        watermark: new TopicMark(offset(5)),
        settings,
      })
    expect(() => open({ lane: offset(3), tenures: [] }, 4)).toThrow('begins at 4')
  })

  it('takes what stands in the lane as it is when its position has no note, and so does the next owner', () => {
    const p = new Partition()
    for (const at of [0, 1, 2]) p.parked(at, `key ${at}`, retry(1_000_000))
    p.commit()
    expect(p.machine.believed).toBe(0)
    // A tool of the log has set the position, which knows nothing of notes.
    p.committed = { main: offset(2), note: undefined }
    const held = (): boolean[] => [0, 1, 2].map(at => p.takeOver().holds(offset(at)))
    expect(p.takeOver().believed).toBeGreaterThan(0)
    expect(held()).toEqual([true, true, false])
    expect(p.machine.believed).toBe(0)
    expect(p.machine.phase).toBe('live')
  })

  describe('with batches', () => {
    const batch = { max: 3, withinMs: 10 }

    it('runs one when it is full, or when the first event of it has waited long enough', () => {
      const p = new Partition({ batch })
      p.deliver(0)
      p.deliver(1, 'b')
      expect(p.runs).toEqual([])
      expect(p.machine.dueAt).toBe(10)
      p.deliver(2)
      expect(p.running).toEqual([0, 1, 2])
      p.deliver(3)
      p.finish({ kind: 'done' })
      expect(p.runs).toEqual([])
      p.now = 10
      p.tell({ kind: 'tick' })
      expect(p.running).toEqual([3])
    })

    it('parks the later rows of a key behind the one that failed, without an attempt held against them', () => {
      const p = new Partition({ batch })
      p.deliver(0)
      p.deliver(1, 'b')
      p.deliver(2)
      const [run] = p.runs
      p.tell({
        kind: 'ran',
        run: run?.run ?? 0,
        results: [retry(), { kind: 'done' }, { kind: 'again', alone: false }],
      })
      expect(p.marks(1)).toEqual([])
      expect(p.lane.filter(record => record.kind === 'park').map(park => park.state.attempts)).toEqual([1, 0])
    })

    it('tries the rows one by one when a batch fails because of nobody knows whom', () => {
      const p = new Partition({ batch })
      for (const at of [0, 1, 2]) p.deliver(at, at === 1 ? 'b' : 'a')
      p.finish({ kind: 'again', alone: true })
      expect(p.runs.map(run => run.origins)).toEqual([[0], [1]])
      p.deliver(3)
      p.finish({ kind: 'done' }, { kind: 'done' })
      expect(p.runs.map(run => run.origins)).toEqual([[2]])
    })

    describe('entries', () => {
      const each = { batch: { max: 1, withinMs: 0 }, maxRuns: 8, maxTogether: 4 }
      const groups = (p: Partition): unknown => p.runs.map(run => run.origins)

      /** One key, of which the first failed and the others wait behind it. */
      function queued(changed: Partial<LaneSettings> = {}): Partition {
        const p = new Partition({ ...each, ...changed })
        p.parked(0, 'a', retry(10))
        for (const at of [1, 2, 3, 4, 5, 6, 7]) p.deliver(at)
        p.commit()
        p.now = 10
        p.tell({ kind: 'tick' })
        return p
      }

      it('of several keys share a run', () => {
        const p = new Partition(each)
        for (const [at, key] of ['a', 'b', 'c'].entries()) p.parked(at, key, retry(10))
        p.now = 10
        p.tell({ kind: 'tick' })
        expect(groups(p)).toEqual([[0, 1, 2]])
        p.finish({ kind: 'done' })
        expect(p.machine.open).toBe(0)
      })

      it('of one key share a run once it does well, twice as many each time, in their order', () => {
        const p = queued()
        for (const together of [[0], [1, 2], [3, 4, 5, 6], [7]]) {
          expect(groups(p)).toEqual([together])
          p.finish({ kind: 'done' })
        }
        expect(p.machine.open).toBe(0)
      })

      it('come back undone behind the one of their key that failed, which is then tried without them', () => {
        const p = queued()
        p.finish({ kind: 'done' })
        const results: RunResult[] = [retry(20), { kind: 'again', alone: false }]
        p.tell({ kind: 'ran', run: p.runs.shift()?.run ?? 0, results })
        expect(p.lane.at(-1)).toMatchObject({ kind: 'attempt', origin: 2n, attempts: 0 })
        expect(groups(p)).toEqual([])
        p.now = 20
        p.tell({ kind: 'tick' })
        expect(groups(p)).toEqual([[1]])
      })

      it('are tried one by one when a run fails because of nobody knows whom', () => {
        const p = queued()
        p.finish({ kind: 'done' }, { kind: 'again', alone: true })
        expect(groups(p)).toEqual([[1]])
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([[2]])
      })

      it('that ran together when the process died are tried one by one, so that the innocent are known', () => {
        const p = queued()
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([[1, 2]])
        p.takeOver()
        expect(groups(p)).toEqual([[1]])
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([[2]])
      })

      it('do not run behind their head when the process died while they ran, and it did not', () => {
        const p = queued()
        p.finish({ kind: 'done' }, { kind: 'done' })
        expect(groups(p)).toEqual([[3, 4, 5, 6]])
        const again: RunResult = { kind: 'again', alone: false }
        p.tell({ kind: 'ran', run: p.runs.shift()?.run ?? 0, results: [retry(20), again, again, again] })
        p.lane.length -= 2 // what ended 5 and 6 did not become durable
        p.takeOver()
        p.now = 20
        p.tell({ kind: 'tick' })
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([[4]])
      })

      it.each(['is being given up', 'was given up'])('do not run behind their head when one %s', how => {
        const p = queued()
        p.ask('cancel', 2)
        if (how === 'was given up') p.tell({ kind: 'checked', ref: p.checks[0]?.ref ?? 0, applied: false })
        p.commit()
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([[1]])
      })

      it('do not run behind their head before a commit above them is accepted', () => {
        const p = new Partition(each)
        p.parked(0, 'a', retry(10))
        p.deliver(1)
        p.commit()
        p.deliver(2)
        p.now = 10
        p.tell({ kind: 'tick' })
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([[1]])
      })

      it('do not run behind their head before their own time', () => {
        const p = new Partition(each)
        for (const at of [0, 1, 2]) p.parked(at, 'a', dead)
        p.ask('replay', 2, 1)
        p.commit()
        p.finish(retry(50))
        for (const at of [0, 1]) p.ask('replay', at, 1)
        p.commit()
        expect(groups(p)).toEqual([[0]])
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([[1]])
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([])
        p.now = 50
        p.tell({ kind: 'tick' })
        expect(groups(p)).toEqual([[2]])
      })

      it('that are replayed share no run with those that never died', () => {
        const p = new Partition(each)
        p.parked(0, 'a', dead)
        for (const [at, key] of [
          [1, 'b'],
          [2, 'c'],
        ] as const)
          p.parked(at, key, retry(10))
        p.hasPlaces = false
        p.ask('replay', 0, 1)
        p.commit()
        p.hasPlaces = true
        p.now = 10
        p.tell({ kind: 'tick' })
        expect(groups(p)).toEqual([[0], [1, 2]])
      })

      it('come back undone behind one whose death holds their key, until somebody decides', () => {
        const p = queued({ whenDead: 'hold' })
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([[1, 2]])
        const results: RunResult[] = [dead, { kind: 'again', alone: false }]
        p.tell({ kind: 'ran', run: p.runs.shift()?.run ?? 0, results })
        p.commit()
        expect([p.letters.get(offset(1))?.status, groups(p)]).toEqual(['died', []])
        p.ask('release', 1, 1)
        expect(groups(p)).toEqual([[2]])
      })

      it('do not go together where handlers take single events', () => {
        const p = queued({ maxTogether: 1 })
        p.finish({ kind: 'done' })
        expect(groups(p)).toEqual([[1]])
      })
    })
  })
})
