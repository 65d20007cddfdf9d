import { offset, type Offset } from '../../event/index.ts'
import { afterAttempt, type FoldedEntry } from './fold.ts'
import { neverRan, queueName, type Entry, type KeyQueue } from './key-queue.ts'
import type { Letter, RunEvent, RunResult } from './lane-io.ts'
import type { LaneParts } from './lane-parts.ts'
import type { Closed, Identity } from './lane-record.ts'
import { MinHeap } from './min-heap.ts'
import { COPY_FORWARD_AT } from './tenure.ts'
import { Turns } from './turns.ts'

/** Copies under way at once. */
const MAX_COPIES = 64

/** What becomes of an event that is parked: the life that `lane.ts` draws, from its park to its closing mark. */
export class EntryLife {
  /** A dependency is away: none begins to run, so that none counts as begun should we die meanwhile. */
  away = false
  readonly #p: LaneParts
  readonly #turns: Turns
  /** Entries that stand below it are being copied forward. */
  #copyBelow: Offset = offset(0)
  /** Heads whose record may still belong to the topic, by origin. */
  readonly #gate = new MinHeap<Offset, Entry>()
  /** Heads that are not due. */
  readonly #clock = new MinHeap<number, Entry>()

  constructor(parts: LaneParts) {
    this.#p = parts
    this.#turns = new Turns(parts.settings.maxRuns)
  }

  /** The lowest record that waits for a commit above it. */
  get gate(): Offset | undefined {
    return this.#gate.first?.priority
  }

  get dueAt(): number | undefined {
    return this.#clock.first?.priority
  }

  restore({ key, ...entry }: FoldedEntry): void {
    const queue = queueName(this.#p.settings.order, key, entry.origin)
    this.#p.book.add({ ...entry, queue, stage: 'waiting', asked: undefined })
  }

  // ---- who may do something now

  /** The head of a key. Only the head ever runs or dies: so events of a key end in the order in which they came. */
  step(queue: KeyQueue): void {
    const [head] = queue.entries
    if (!head || queue.running || head.stage !== 'waiting' || this.#p.stopping) return
    if (head.origin >= this.#p.own.main) return this.#ask(head, 'gate')
    if (head.state.final !== undefined) return this.#die(head)
    if (head.state.dueAt > this.#p.now) return this.#ask(head, 'clock')
    this.#ask(head, 'turn')
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
    const clock = this.#clock
    for (let top = clock.first; top && top.priority <= this.#p.now; top = clock.first) {
      clock.pop()
      this.#askAgain(top.value)
    }
    for (let next = this.#next(); next; next = this.#next()) {
      next.asked = undefined
      if (this.#mayRun(next)) this.#start(next)
      else this.#askAgain(next)
    }
    this.#copyForward()
  }

  /** Whether what was so when it was put into the line still is. */
  #mayRun(entry: Entry): boolean {
    const queue = this.#p.book.queue(entry.queue)
    const { final, dueAt } = entry.state
    const due = final === undefined && dueAt <= this.#p.now
    return queue.entries[0] === entry && entry.stage === 'waiting' && due && !queue.running
  }

  #next(): Entry | undefined {
    return this.away ? undefined : this.#turns.next()
  }

  // ---- one run

  #start(entry: Entry): void {
    const { out, book, settings } = this.#p
    if (entry.state.deaths >= settings.maxDeaths) {
      this.giveUp(entry, 'process-died')
      return
    }
    const queue = book.queue(entry.queue)
    entry.stage = 'starting'
    queue.running = true
    this.#turns.began(entry)
    out.append({ kind: 'start', ...identityOf(entry) }, () => {
      if (this.#p.stopping) {
        queue.running = false
        return this.#rest(entry)
      }
      entry.stage = 'running'
      this.#p.run({ kind: 'entry', entry }, [runEvent(entry)])
    })
  }

  ran(entry: Entry, result: RunResult): void {
    const { attempts, dueAt } = entry.state
    this.#p.book.queue(entry.queue).running = false
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
        const mark = { attempts: attempts + 1, dueAt, final: result.reason, failure: result.failure }
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
    const { book, out, own, settings, generation } = this.#p
    const queue = book.queue(queueName(settings.order, key, origin))
    const identity = { generation, origin, round }
    queue.parking += 1
    out.append(
      { kind: 'park', ...identity, state: neverRan },
      position => {
        const entry: Entry = {
          ...identity,
          queue: queue.name,
          position,
          state: neverRan,
          stage: 'barrier',
          asked: undefined,
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

  // ---- copies

  /**
   * Appends the open entries again, oldest first, so that everything before can be forgotten: when the lane is mostly
   * closed entries, or when the list of tenures grows too long. The next round begins only when a commit has got past
   * what was copied: owners that were replaced and do not know it would otherwise drive each other on for ever, each
   * with the copies of the others.
   */
  #copyForward(): void {
    const { book, own } = this.#p
    if (own.lane >= this.#copyBelow && this.#worthCopying()) this.#copyBelow = this.#p.out.readTo
    for (let entry = book.oldest; entry && book.copying < MAX_COPIES; entry = book.oldest) {
      // One that is not at rest holds up those behind it; it will be over soon.
      const rests = entry.stage === 'waiting' || entry.stage === 'held'
      if (entry.position >= this.#copyBelow || !rests || this.#p.asked(entry.origin)) return
      this.#copy(entry)
    }
  }

  #worthCopying(): boolean {
    const { book, out, own, settings } = this.#p
    const { oldest } = book
    if (!oldest) return false
    const span = Number(out.readTo - oldest.position)
    if (span >= settings.compactFrom && book.size * settings.sparse < span) return true
    return own.tenures.length >= COPY_FORWARD_AT && oldest.position < (own.tenures.at(-1)?.fence ?? 0n)
  }

  #copy(entry: Entry): void {
    const { stage, state, position } = entry
    entry.stage = 'copying'
    this.#p.book.copyOldest(entry)
    this.#p.out.append(
      { kind: 'park', ...identityOf(entry), state },
      at => {
        this.#p.book.copied(entry, at)
        if (stage === 'held') {
          entry.stage = 'held'
          this.#p.rested(entry.origin)
        } else this.#rest(entry)
      },
      { from: 'lane', position },
    )
  }
}

function identityOf({ generation, origin, round }: Identity): Identity {
  return { generation, origin, round }
}

function runEvent({ origin, position, state }: Entry): RunEvent {
  return { origin, attempts: state.attempts, body: { from: 'lane', position } }
}

function letter(entry: Entry, change: Letter['change']): Letter {
  const { generation, origin, position, state } = entry
  const death = { state, body: { from: 'lane', position } } as const
  return { generation, origin, change, death: change.kind === 'died' ? death : undefined }
}
