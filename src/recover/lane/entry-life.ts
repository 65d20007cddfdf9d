import type { Offset } from '../../event/index.ts'
import { EntryCopies } from './entry-copies.ts'
import { afterAttempt, type FoldedEntry } from './fold.ts'
import { followersOf, mayShare } from './followers.ts'
import { neverRan, queueName, type Entry, type KeyQueue } from './key-queue.ts'
import type { Letter, RunEvent, RunResult } from './lane-io.ts'
import type { LaneParts } from './lane-parts.ts'
import { identityOf, type Closed } from './lane-record.ts'
import { MinHeap } from './min-heap.ts'
import { suspect, Turns } from './turns.ts'

/** What becomes of an event that is parked: the life that `lane.ts` draws, from its park to its closing mark. */
export class EntryLife {
  readonly #p: LaneParts
  readonly #turns: Turns
  readonly #copies: EntryCopies
  /** Heads whose record may still belong to the topic, by origin. */
  readonly #gate = new MinHeap<Offset, Entry>()
  /** Heads that are not due. */
  readonly #clock = new MinHeap<number, Entry>()

  constructor(parts: LaneParts) {
    this.#p = parts
    this.#turns = new Turns(parts.settings.maxRuns)
    this.#copies = new EntryCopies(parts, entry => this.#rest(entry))
  }

  /** The lowest record that waits for a commit above it. */
  get gate(): Offset | undefined {
    return this.#gate.first?.priority
  }

  get dueAt(): number | undefined {
    return this.#clock.first?.priority
  }

  /** An entry wants to begin, and may as far as the others go. */
  get wantsPlace(): boolean {
    return this.#turns.wanted
  }

  get wantsAlone(): boolean {
    return this.#turns.wantsAlone
  }

  restore({ key, ...entry }: FoldedEntry): void {
    const { settings, now, book } = this.#p
    const queue = queueName(settings.order, key, entry.origin)
    // A clock that was wrong when it failed must not keep it for years.
    const dueAt = Math.min(entry.state.dueAt, now + settings.maxWaitMs)
    const state = { ...entry.state, dueAt }
    book.add({ ...entry, state, queue, stage: 'waiting', asked: undefined, alone: false })
  }

  /** What was open when its range was reprocessed. Its letter, if it has one, is closed beside this. */
  supersede(): void {
    for (const entry of [...this.#p.book.all].filter(one => this.#isStale(one)))
      if (entry.stage === 'waiting') this.#close(entry, 'superseded')
  }

  #isStale({ generation, origin }: Entry): boolean {
    return generation < this.#p.generationOf(origin)
  }

  // ---- who may do something now

  /** The head of a key. Only the head ever runs or dies: so events of a key end in the order in which they came. */
  step(queue: KeyQueue): void {
    const [head] = queue.entries
    if (!head || queue.running || head.stage !== 'waiting' || this.#p.stopping) return
    if (this.#isStale(head)) return this.#close(head, 'superseded')
    if (head.origin >= this.#p.own.main) return this.#ask(head, 'gate')
    if (head.state.final !== undefined) return this.#die(head)
    if (!this.#isDue(head)) return this.#ask(head, 'clock')
    this.#ask(head, 'turn')
  }

  /** One that crowds the others out waits for no time. */
  #isDue({ state, tenant }: Entry): boolean {
    return state.dueAt <= this.#p.now || this.#p.shares.crowds(tenant)
  }

  /** Lets somebody look at it again when it may go on, once however often it is asked. */
  #ask(head: Entry, whom: NonNullable<Entry['asked']>): void {
    if (head.asked === whom) return
    head.asked = whom
    if (whom === 'gate') this.#gate.push(head.origin, head)
    if (whom === 'clock') this.#clock.push(head.state.dueAt, head)
    if (whom === 'turn') this.#turns.queue(head)
  }

  #askAgain(entry: Entry): void {
    entry.asked = undefined
    this.#p.step(this.#p.book.queue(entry.queue))
  }

  openGate(): void {
    const gate = this.#gate
    for (let top = gate.first; top && top.priority < this.#p.own.main; top = gate.first) {
      gate.pop()
      this.#askAgain(top.value)
    }
  }

  /** What time and room allow. */
  goOn(): void {
    for (const tenant of this.#p.shares.takeNews()) this.#hurry(tenant)
    const clock = this.#clock
    for (let top = clock.first; top && top.priority <= this.#p.now; top = clock.first) {
      clock.pop()
      this.#askAgain(top.value)
    }
    this.#copies.goOn()
  }

  /**
   * What fails of such a tenant from now on is given up by whoever ran it. So each of its events here runs once more at
   * most, is done or has its letter, and lets the next one of its key go on.
   */
  #hurry(tenant: string): void {
    for (const { entries } of this.#p.book.queues) {
      const [head] = entries
      if (head?.tenant === tenant && head.asked === 'clock') this.#askAgain(head)
    }
  }

  /**
   * There is a place: the first that still want it begin. Not before, since a start without an end is a death of the
   * process: one that merely waited for a dependency would be blamed for every restart during its outage.
   */
  begin(): void {
    const heads: Entry[] = []
    while (this.#maySharePlace(heads)) {
      const next = this.#turns.next()
      if (!next) break
      next.asked = undefined
      if (!this.#mayRun(next)) this.#askAgain(next)
      else if (next.state.deaths >= this.#p.settings.maxDeaths) this.giveUp(next, 'process-died')
      else {
        this.#begins(next)
        heads.push(next)
      }
    }
    if (heads.length > 0) this.#start([...heads, ...this.#followers(heads)])
  }

  /** Whether the next one may run with those that were chosen. */
  #maySharePlace([first, ...others]: readonly Entry[]): boolean {
    if (!first) return true
    const { first: next } = this.#turns
    const isFull = others.length + 1 >= this.#p.settings.maxTogether
    return !isFull && next !== undefined && mayShare(first, next)
  }

  #followers(heads: readonly Entry[]): readonly Entry[] {
    const { settings, book } = this.#p
    const followers = followersOf(heads, {
      room: Math.min(settings.maxTogether - heads.length, this.#turns.room),
      queueOf: head => book.queue(head.queue),
      mayFollow: entry => this.#mayFollow(entry),
    })
    for (const entry of followers) this.#begins(entry)
    return followers
  }

  #mayFollow(entry: Entry): boolean {
    if (entry.stage !== 'waiting' || suspect(entry)) return false
    return entry.origin < this.#p.own.main && entry.state.final === undefined && this.#isDue(entry)
  }

  /** Whether what was so when it was put into the line still is. */
  #mayRun(entry: Entry): boolean {
    const queue = this.#p.book.queue(entry.queue)
    const due = entry.state.final === undefined && this.#isDue(entry)
    return queue.entries[0] === entry && entry.stage === 'waiting' && due && !queue.running
  }

  // ---- one run

  #begins(entry: Entry): void {
    entry.stage = 'starting'
    this.#p.book.queue(entry.queue).running = true
    this.#turns.began(entry)
  }

  /** Several share a transaction. Those of a key stand in order: when one fails, the later ones come back undone. */
  #start(chosen: readonly Entry[]): void {
    const entries = chosen.toSorted((a, b) => (a.origin < b.origin ? -1 : 1))
    let left = entries.length
    for (const entry of entries)
      this.#p.out.append({ kind: 'start', ...identityOf(entry) }, () => {
        left -= 1
        if (left === 0) this.#started(entries)
      })
  }

  /** Not before all starts are durable: whatever the process dies of is one of them. */
  #started(entries: readonly Entry[]): void {
    if (this.#p.stopping) {
      this.#freeKeys(entries)
      for (const entry of entries) this.#rest(entry)
      return
    }
    for (const entry of entries) entry.stage = 'running'
    this.#p.run({ kind: 'lane', entries }, entries.map(runEvent))
  }

  ran(entries: readonly Entry[], results: readonly RunResult[]): void {
    for (const [i, entry] of entries.entries()) {
      const result = results[i]
      if (result) this.#conclude(entry, result)
    }
    // Only now: the next of a key must not begin while one of the same run is not concluded.
    this.#freeKeys(entries)
    for (const { queue } of entries) this.#p.step(this.#p.book.queue(queue))
  }

  #freeKeys(entries: readonly Entry[]): void {
    for (const { queue } of entries) this.#p.book.queue(queue).running = false
  }

  #conclude(entry: Entry, result: RunResult): void {
    const { attempts, dueAt } = entry.state
    const queue = this.#p.book.queue(entry.queue)
    if (result.kind === 'done') queue.well += 1
    else if (result.kind !== 'again' || result.alone) queue.well = 0
    if (result.kind === 'again' && result.alone) entry.alone = true
    switch (result.kind) {
      case 'done':
        return this.#succeeded(entry, 'resolved')
      case 'skip':
        return this.#succeeded(entry, 'skipped')
      case 'again':
        return this.#mark(entry, { attempts, dueAt, final: undefined, failure: undefined }, () =>
          this.#rest(entry),
        )
      case 'retry': {
        const { failure } = result
        const mark = { attempts: attempts + 1, dueAt: result.dueAt, final: undefined, failure }
        return this.#mark(entry, mark, () => this.#rest(entry))
      }
      case 'dead': {
        const { reason: final, failure, tried } = result
        const mark = { attempts: attempts + (tried ? 1 : 0), dueAt, final, failure }
        return this.#mark(entry, mark, () => this.#awaitBarrier(entry))
      }
    }
  }

  /**
   * Ends it without a run: somebody wants that, or the process died of it too often. Not before the inbox was asked: a
   * run whose process died at its end may have applied it, and a letter would then be about an event that is done.
   */
  giveUp(entry: Entry, reason: string, then?: (how: 'given up' | 'applied' | 'unknown') => void): void {
    const { attempts, dueAt } = entry.state
    entry.stage = 'running'
    this.#p.out.check(runEvent(entry), applied => {
      if (applied === undefined) {
        this.#rest(entry)
        then?.('unknown')
      } else if (applied) {
        this.#succeeded(entry, 'resolved')
        then?.('applied')
      } else {
        this.#mark(entry, { attempts, dueAt, final: reason, failure: undefined }, () => {
          this.#awaitBarrier(entry)
          then?.('given up')
        })
      }
    })
  }

  #mark(entry: Entry, mark: Parameters<typeof afterAttempt>[1], then: () => void): void {
    entry.stage = 'marking'
    this.#p.out.append({ kind: 'attempt', ...identityOf(entry), ...mark }, () => {
      entry.state = afterAttempt(entry.state, mark)
      then()
    })
  }

  #succeeded(entry: Entry, how: 'resolved' | 'skipped'): void {
    if (entry.round === 0) return this.#close(entry, how)
    // The letter first: with the entry closed nobody would look at it again, and it would be replaying for ever.
    entry.stage = 'lettering'
    this.#p.out.letter(letter(entry, { kind: 'resolved', round: entry.round }), () => this.#close(entry, how))
  }

  #rest(entry: Entry): void {
    this.#turns.ended(entry)
    entry.stage = 'waiting'
    this.#p.rested(entry.origin)
    this.#p.step(this.#p.book.queue(entry.queue))
  }

  // ---- the end

  /** What a mark leads to waits until it is certain that the mark counts. */
  #awaitBarrier(entry: Entry): void {
    this.#turns.ended(entry)
    entry.stage = 'barrier'
    this.#p.own.barrier(() => this.#rest(entry))
  }

  #die(entry: Entry): void {
    entry.stage = 'lettering'
    this.#p.out.letter(letter(entry, { kind: 'died', round: entry.round }), () => {
      if (this.#p.settings.whenDead === 'continue') return this.#close(entry, 'dead')
      entry.stage = 'held'
      this.#p.rested(entry.origin)
    })
  }

  closeHeld(entry: Entry, then: () => void): void {
    this.#close(entry, 'dead', then)
  }

  #close(entry: Entry, how: Closed['how'], then?: () => void): void {
    const { book, out } = this.#p
    const queue = book.queue(entry.queue)
    this.#turns.ended(entry)
    entry.stage = 'closing'
    queue.remove(entry)
    queue.closing += 1
    out.append({ kind: 'closed', ...identityOf(entry), how }, () => {
      queue.closing -= 1
      book.remove(entry)
      this.#p.rested(entry.origin)
      then?.()
      this.#p.step(queue)
    })
    this.#p.step(queue) // the next entry of the key need not wait: it is behind this one in the fold as well
  }

  // ---- requests

  runNow(entry: Entry): void {
    entry.state = { ...entry.state, dueAt: 0 }
    this.#askAgain(entry)
  }

  /** A dead event enters the lane for its next round. What it died of stands in its letter. */
  parkAgain(origin: Offset, key: string | undefined, round: number, then: () => void): void {
    const { book, out, own, settings } = this.#p
    const queue = book.queue(queueName(settings.order, key, origin))
    const identity = { generation: this.#p.generationOf(origin), origin, round }
    queue.parking += 1
    out.append(
      { kind: 'park', ...identity, state: neverRan },
      position => {
        const entry: Entry = {
          ...identity,
          queue: queue.name,
          tenant: undefined,
          position,
          state: neverRan,
          stage: 'barrier',
          asked: undefined,
          alone: false,
        }
        queue.parking -= 1
        book.add(entry)
        // Its record is far below what is committed, so the gate says nothing about it.
        own.barrier(() => this.#rest(entry))
        then()
        this.#p.step(queue)
      },
      { from: 'letter', origin },
    )
  }
}

function runEvent({ origin, round, position, state }: Entry): RunEvent {
  const { attempts, last } = state
  return { origin, round, attempts, last, body: { from: 'lane', position } }
}

function letter(entry: Entry, change: Letter['change']): Letter {
  const { generation, origin, position, state } = entry
  const death = { state, body: { from: 'lane', position } } as const
  return { generation, origin, change, death: change.kind === 'died' ? death : undefined }
}
