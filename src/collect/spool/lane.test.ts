import { describe, expect, it } from 'vitest'
import { offset, seededRandom, type Offset, type Random } from '../../event/index.ts'
import { SpoolLane, type LaneState, type Parcel, type Step } from './lane.ts'

const RUNS = 20_000
const STEPS = 120
const PATIENCE_MS = 100

interface TestParcel extends Parcel {
  readonly ids: readonly number[]
}

/** A call to the log: it lands, or does not, and its caller is told, or is told that nobody knows, in any order. */
interface Call {
  readonly ids: readonly number[]
  readonly made: number
  isReported: boolean
  tell(how: 'stored' | 'failed'): void
}

/**
 * One lane with a log that keeps the order of calls and nothing else, and a spool that keeps what it says. Everything
 * that takes time is done at a moment that the random numbers choose; a crash forgets all but the spool and the log.
 */
class World {
  readonly #random: Random
  /** Ids in the order in which they landed. */
  readonly log: number[] = []
  /** The spool's disk. */
  readonly spool: number[] = []
  saved = 0
  readonly accepted: number[] = []
  /** Of the last process: events that nobody was answered about yet. */
  readonly unanswered = new Set<number>()
  /** The newest event that went to the log without the spool. */
  #newestPast = -1
  /** What happened at all: a run in which nothing could go wrong proves nothing. */
  readonly seen = new Set<string>()
  /** Whether something was ever done whose outcome the lane could not know. */
  isAmbiguous = false
  lane!: SpoolLane<TestParcel>
  #now = 0
  #ids = 0
  #life = 0
  #calls: Call[] = []
  /** Of processes that are gone: what they sent may still land, each of them in order. */
  #orphans: Call[][] = []
  #writes: { readonly parcels: readonly TestParcel[]; isDurable: boolean }[] = []
  #saves: Offset[] = []

  constructor(random: Random) {
    this.#random = random
    this.#start()
  }

  /** Something of what may happen now, happens. */
  step(): void {
    const at = this.#random()
    if (at < 0.002) this.#crash()
    else if (at < 0.3) this.#arrive()
    else if (at < 0.5) this.#landNext()
    else if (at < 0.55) this.#report()
    else if (at < 0.75) this.#finishAnyWrite()
    else if (at < 0.87) this.#finishSave(this.#random() < 0.2 ? 'failed' : 'durable')
    else this.#pass()
    this.#check()
  }

  /** No faults any more: everything that is under way comes to its end. */
  heal(): void {
    for (let i = 0; i < 5_000; i++) {
      const isQuiet = this.#calls.length === 0 && this.#writes.length === 0 && this.#saves.length === 0
      if (isQuiet && this.lane.state === 'normal' && !this.lane.wantsLooks) return
      for (const calls of this.#orphans) for (const call of calls.splice(0)) this.log.push(...call.ids)
      const call = this.#calls[0]
      if (call && !call.isReported) {
        this.#land(call)
        call.tell('stored')
      }
      this.#calls = this.#calls.filter(({ isReported }) => !isReported)
      this.#finishWrite('durable')
      this.#finishSave('durable')
      this.#now += 1_000
      this.#run(this.lane.look(this.#now))
      this.#check()
    }
    throw new Error(`it never came to rest: ${this.lane.state}, ${this.lane.backlog} behind`)
  }

  #arrive(): void {
    const ids = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => this.#ids++)
    for (const id of ids) this.unanswered.add(id)
    this.#run(
      this.lane.arrived({ ids, count: ids.length, bytes: ids.length, arrivedAt: this.#now }, this.#now),
    )
  }

  /** The oldest call that has not landed does so, or is lost on its way, whether its caller still waits or not. */
  #landNext(): void {
    const queues = [this.#calls, ...this.#orphans].filter(queue => queue.length > 0)
    if (queues.length === 0) return
    const queue = this.#pick(queues)
    const call = queue[0]
    if (!call) return
    if (this.#random() < 0.3) {
      this.seen.add(call.isReported ? 'lost after its caller was told that nobody knows' : 'lost')
      if (!call.isReported) call.tell('failed')
      queue.shift()
      return
    }
    if (call.isReported) this.seen.add('landed after its caller was told that nobody knows')
    this.#land(call)
    queue.shift()
    if (call.isReported) return
    if (this.#random() < 0.2) {
      this.isAmbiguous = true
      this.seen.add('landed and called a failure')
      call.tell('failed')
    } else call.tell('stored')
  }

  /** A caller is told that nobody knows, while the call may still land: before all that are made later. */
  #report(): void {
    const call = this.#calls.find(({ isReported }) => !isReported)
    if (!call) return
    this.isAmbiguous = true
    call.tell('failed')
  }

  #finishAnyWrite(): void {
    const choice = this.#random()
    if (choice < 0.1) this.#finishWrite('refused')
    else if (choice < 0.4) this.#makeDurable()
    else this.#finishWrite('durable')
  }

  #pass(): void {
    this.#now += Math.floor(this.#random() * PATIENCE_MS)
    this.#run(this.lane.look(this.#now))
  }

  #crash(): void {
    this.seen.add(`crash while ${this.lane.state}`)
    this.isAmbiguous = true
    this.#orphans.push(this.#calls)
    this.#calls = []
    // Of what was being written, a part may be durable.
    while (this.#writes.length > 0 && this.#random() < 0.5) {
      this.#makeDurable()
      this.#writes.shift()
    }
    this.#writes = []
    this.#saves = []
    this.#start()
  }

  #start(): void {
    this.#life++
    this.unanswered.clear()
    const at = { cursor: offset(this.saved), end: offset(this.spool.length) }
    const rules = { patienceMs: PATIENCE_MS, maxRecords: 4, maxBytes: 8, retryAfterMs: () => 50 }
    this.lane = new SpoolLane(rules, at)
    this.#run(this.lane.look(this.#now))
  }

  #run(steps: readonly Step<TestParcel>[]): void {
    this.seen.add(this.lane.state)
    for (const step of steps) this.#do(step)
  }

  #do(step: Step<TestParcel>): void {
    switch (step.kind) {
      case 'append': {
        const { parcels } = step
        this.#call(
          parcels.flatMap(({ ids }) => ids),
          () => {
            this.#accept(parcels)
            if (this.lane.state === 'normal') this.#newestPast = parcels.at(-1)?.ids.at(-1) ?? -1
            return this.lane.appended(this.#now)
          },
        )
        return
      }
      case 'drain': {
        const ids = this.spool.slice(Number(step.from), Number(step.from) + step.most)
        if ((ids[0] ?? 0) < this.#newestPast)
          throw new Error(`event ${ids[0]} is sent again after ${this.#newestPast} went past the spool`)
        const next = offset(Number(step.from) + ids.length)
        this.#call(ids, () => this.lane.drained(next, ids.length, this.#now))
        return
      }
      case 'write':
        this.#writes.push({ parcels: step.parcels, isDurable: false })
        return
      case 'save':
        this.#saves.push(step.cursor)
    }
  }

  #call(ids: readonly number[], stored: () => readonly Step<TestParcel>[]): void {
    const life = this.#life
    const call: Call = {
      ids,
      made: this.#now,
      isReported: false,
      tell: how => {
        call.isReported = true
        if (life !== this.#life) return // nobody is there any more
        this.#run(how === 'stored' ? stored() : this.lane.failed(this.#now))
      },
    }
    this.#calls.push(call)
  }

  #land({ ids }: Call): void {
    this.log.push(...ids)
  }

  #makeDurable(): void {
    const write = this.#writes[0]
    if (!write || write.isDurable) return
    write.isDurable = true
    for (const { ids } of write.parcels) this.spool.push(...ids)
  }

  #finishWrite(how: 'durable' | 'refused'): void {
    const write = this.#writes[0]
    if (!write) return
    if (how === 'refused' && !write.isDurable) {
      this.seen.add('refused by the spool')
      this.#writes.shift()
      for (const { ids } of write.parcels) for (const id of ids) this.unanswered.delete(id)
      this.#run(this.lane.notWritten(write.parcels, this.#now))
      return
    }
    this.#makeDurable()
    this.#writes.shift()
    let end = this.spool.length - write.parcels.reduce((sum, { count }) => sum + count, 0)
    const ends = write.parcels.map(({ count }) => offset((end += count)))
    this.#accept(write.parcels)
    this.#run(this.lane.written(write.parcels, ends, this.#now))
  }

  #finishSave(how: 'durable' | 'failed'): void {
    const cursor = this.#saves.shift()
    if (cursor === undefined) return
    if (how === 'durable') this.saved = Number(cursor)
    this.#run(this.lane.saved(how === 'durable' ? cursor : undefined, this.#now))
  }

  #accept(parcels: readonly TestParcel[]): void {
    for (const { ids } of parcels)
      for (const id of ids) {
        this.unanswered.delete(id)
        if (!this.accepted.includes(id)) this.accepted.push(id)
      }
  }

  /** Every 202 is in the log, or in the part of the spool that is sent again after a crash. */
  #check(): void {
    const kept = new Set([...this.log, ...this.spool.slice(this.saved)])
    for (const id of this.accepted) if (!kept.has(id)) throw new Error(`event ${id} was accepted and is lost`)
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T
  }
}

/** Throws what is wrong with the log once all is quiet. */
function verdict({ log, accepted, unanswered, isAmbiguous }: World): void {
  if (unanswered.size > 0) throw new Error(`nobody was told what became of event ${[...unanswered][0]}`)
  const first = new Map<number, number>()
  for (const [place, id] of log.entries()) if (!first.has(id)) first.set(id, place)
  const places = accepted.toSorted((a, b) => a - b).map(id => [id, first.get(id)] as const)
  for (const [i, [id, place]] of places.entries()) {
    if (place === undefined) throw new Error(`event ${id} was accepted and is not in the log`)
    const [before, at] = places[i - 1] ?? []
    if (at !== undefined && at > place) throw new Error(`event ${id} was delivered before ${before}`)
  }
  if (!isAmbiguous && new Set(log).size !== log.length)
    throw new Error(`something is there twice: ${log.join(' ')}`)
}

describe('a lane of the spool', () => {
  it(`loses nothing that was answered and keeps its order, in ${RUNS} runs of faults and crashes`, () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= RUNS; seed++) {
      const world = new World(seededRandom(seed))
      try {
        for (let i = 0; i < STEPS; i++) world.step()
        world.heal()
        verdict(world)
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
      for (const what of world.seen) seen.add(what)
    }
    expect([...seen].toSorted()).toEqual([
      'crash while draining',
      'crash while normal',
      'crash while spooling',
      'draining',
      'landed after its caller was told that nobody knows',
      'landed and called a failure',
      'lost',
      'lost after its caller was told that nobody knows',
      'normal',
      'refused by the spool',
      'spooling',
    ])
  }, 300_000)
})

describe('one lane, step by step', () => {
  const start = { cursor: offset(0), end: offset(0) }
  const limits = { maxRecords: 500, maxBytes: 1_000 }
  const rules = { patienceMs: 100, ...limits, retryAfterMs: (failures: number) => 1_000 * 2 ** failures }
  const parcel = (arrivedAt = 0): Parcel => ({ count: 1, bytes: 1, arrivedAt })
  const kinds = (steps: readonly Step<Parcel>[]): string[] => steps.map(({ kind }) => kind)
  const state = (lane: SpoolLane<Parcel>): LaneState => lane.state

  it('sends one append at a time, and what came meanwhile with the next', () => {
    const lane = new SpoolLane(rules, start)
    const [a, b, c] = [parcel(), parcel(), parcel()]
    expect(lane.arrived(a, 0)).toEqual([{ kind: 'append', parcels: [a] }])
    expect(lane.arrived(b, 0)).toEqual([])
    expect(lane.arrived(c, 0)).toEqual([])
    expect(lane.appended(0)).toEqual([{ kind: 'append', parcels: [b, c] }])
  })

  it('writes what comes while the log is away at once', () => {
    const lane = new SpoolLane(rules, { cursor: offset(0), end: offset(1) })
    const a = parcel()
    expect(lane.arrived(a, 0)).toEqual([{ kind: 'write', parcels: [a] }])
  })

  it('skips the copies of a late append that was stored after all', () => {
    const lane = new SpoolLane(rules, start)
    const [a, b] = [parcel(), parcel()]
    lane.arrived(a, 0)
    lane.arrived(b, 0)
    expect(lane.look(100)).toEqual([{ kind: 'write', parcels: [a, b] }])
    expect(lane.written([a, b], [offset(1), offset(2)], 110)).toEqual([]) // the spool waits for the late append
    expect(lane.appended(200)).toEqual([
      { kind: 'save', cursor: 1n },
      { kind: 'drain', from: 1n, most: 500 },
    ])
    expect(state(lane)).toBe('draining')
  })

  it('asks with one event whether the log is back, less and less often', () => {
    const lane = new SpoolLane(rules, { cursor: offset(3), end: offset(900) })
    expect(lane.look(0)).toEqual([{ kind: 'drain', from: 3n, most: 1 }])
    expect(lane.failed(10)).toEqual([])
    expect(lane.look(1_009)).toEqual([])
    expect(kinds(lane.look(1_010))).toEqual(['drain'])
    expect(lane.failed(1_020)).toEqual([])
    expect(lane.look(3_019)).toEqual([])
    expect(kinds(lane.look(3_020))).toEqual(['drain'])
    expect(lane.drained(offset(4), 1, 3_030)).toEqual([
      { kind: 'save', cursor: 4n },
      { kind: 'drain', from: 4n, most: 500 },
    ])
  })

  it('becomes normal under steady load, and only once the cursor is durable', () => {
    const lane = new SpoolLane(rules, { cursor: offset(0), end: offset(1) })
    lane.look(0)
    const [a, b] = [parcel(), parcel()]
    expect(lane.arrived(a, 0)).toEqual([{ kind: 'write', parcels: [a] }])
    expect(lane.drained(offset(1), 1, 1)).toEqual([{ kind: 'save', cursor: 1n }])
    expect(lane.arrived(b, 1)).toEqual([]) // behind a spool that is nearly empty
    expect(lane.written([a], [offset(2)], 2)).toEqual([{ kind: 'drain', from: 1n, most: 500 }])
    expect(lane.drained(offset(2), 1, 3)).toEqual([]) // one save at a time
    expect(lane.saved(offset(1), 4)).toEqual([{ kind: 'save', cursor: 2n }])
    expect(state(lane)).toBe('draining')
    expect(lane.saved(offset(2), 5)).toEqual([{ kind: 'append', parcels: [b] }])
    expect(state(lane)).toBe('normal')
  })

  it('writes what comes to the spool while there is more in it than one append takes', () => {
    const lane = new SpoolLane(rules, { cursor: offset(0), end: offset(502) })
    lane.look(0)
    lane.drained(offset(1), 1, 1)
    expect(state(lane)).toBe('draining')
    expect(kinds(lane.arrived(parcel(), 1))).toEqual(['write'])
  })

  it('writes what waits for the end of the spool to the spool, when that end does not come', () => {
    const lane = new SpoolLane(rules, { cursor: offset(0), end: offset(2) })
    lane.look(0)
    lane.drained(offset(1), 1, 1)
    const a = parcel(1)
    expect(lane.arrived(a, 1)).toEqual([])
    expect(lane.look(101)).toEqual([{ kind: 'write', parcels: [a] }])
    expect(state(lane)).toBe('spooling')
  })

  it('is normal again at once when the spool took nothing', () => {
    const lane = new SpoolLane(rules, start)
    const [a, b] = [parcel(), parcel()]
    lane.arrived(a, 0)
    expect(lane.failed(1)).toEqual([{ kind: 'write', parcels: [a] }])
    expect(lane.notWritten([a], 2)).toEqual([])
    expect(state(lane)).toBe('normal')
    expect(lane.arrived(b, 3)).toEqual([{ kind: 'append', parcels: [b] }])
  })

  it('goes on without parcels that the log refused for what they are', () => {
    const lane = new SpoolLane(rules, start)
    const [a, b] = [parcel(), parcel()]
    lane.arrived(a, 0)
    lane.arrived(b, 0)
    expect(lane.refused(1)).toEqual([{ kind: 'append', parcels: [b] }])
    expect(state(lane)).toBe('normal')
  })
})
