import { Intake, type Row } from './intake.ts'
import { neverRan, queueName, type Delivered, type KeyQueue } from './key-queue.ts'
import type { Input, RunResult } from './lane-io.ts'
import type { LaneParts } from './lane-parts.ts'
import type { EntryState } from './lane-record.ts'

/** What becomes of a record of the topic until it is settled: done, skipped, or parked. */
export class TopicRecords {
  readonly #p: LaneParts
  readonly #intake: Intake | undefined
  /**
   * Where the partition is one queue nothing could overtake, so there is nothing to gain by parking what comes behind an
   * open entry: it stays in the topic, and goes on in batches.
   */
  readonly #parksFollowers: boolean
  #parking = 0

  constructor(parts: LaneParts) {
    this.#p = parts
    this.#intake = parts.settings.batch && new Intake(parts.settings.batch)
    this.#parksFollowers = parts.settings.order !== 'partition'
  }

  /** When time alone makes a batch. What is due already waits for its key, not for time. */
  get dueAt(): number | undefined {
    const due = this.#intake?.dueAt
    return due !== undefined && due > this.#p.now ? due : undefined
  }

  /** Of whom the log has not answered yet that they stand in the lane. */
  get parking(): number {
    return this.#parking
  }

  get gathered(): number {
    return this.#intake?.size ?? 0
  }

  delivered({ offset, key, tenant }: Extract<Input, { kind: 'delivered' }>): void {
    // Only in a range that is run again: a former owner parked it there, and did not come to say so.
    if (this.#p.book.of(offset)?.generation === this.#p.generationOf(offset)) return this.#p.settled(offset)
    const queue = this.#p.book.queue(queueName(this.#p.settings.order, key, offset))
    const record = { offset, tenant, alone: false, gone: false }
    queue.add(record)
    if (!queue.blocks(record) || !this.#parksFollowers) this.#intake?.gather({ record, queue }, this.#p.now)
    this.#p.step(queue)
  }

  step(queue: KeyQueue): void {
    if (this.#p.stopping) return
    // Behind an open entry, or one that is just being made: run now, it would overtake.
    let [next] = queue.waiting
    for (; this.#parksFollowers && next && queue.blocks(next); [next] = queue.waiting)
      this.#park(queue, take(queue), neverRan)
    if (next && queue.frees(next) && (!this.#intake || next.alone)) {
      queue.running = true
      this.#run([{ queue, record: take(queue) }], false)
    }
  }

  startBatch(): void {
    const rows = this.#intake?.take(this.#p.now) ?? []
    if (rows.length > 0) this.#run(rows, true)
  }

  #run(rows: readonly Row[], batch: boolean): void {
    const events = rows.map(({ record: { offset } }) => ({
      origin: offset,
      round: 0,
      attempts: 0,
      last: undefined,
      body: { from: 'topic', offset } as const,
    }))
    this.#p.run({ kind: 'topic', rows, batch }, events)
  }

  /**
   * Nothing is said here of the later rows of a key of which one failed: they come back undone, find their key blocked,
   * and are parked behind it without an attempt held against them.
   */
  ran(rows: readonly Row[], batch: boolean, results: readonly RunResult[]): void {
    if (batch && this.#intake) this.#intake.running = false
    const back: Row[] = []
    for (const [i, row] of rows.entries()) {
      row.queue.running = false
      const result = results[i]
      if (result) this.#conclude(row, result, back)
    }
    for (const { queue, record } of back.toReversed()) queue.waiting.unshift(record)
    this.#intake?.gatherAgain(
      back.filter(row => !row.record.alone),
      this.#p.now,
    )
    for (const { queue } of rows) this.#p.step(queue)
  }

  #conclude({ queue, record }: Row, result: RunResult, back: Row[]): void {
    switch (result.kind) {
      case 'done':
      case 'skip':
        return this.#p.settled(record.offset)
      case 'again': {
        const { offset, tenant } = record
        back.push({ queue, record: { offset, tenant, alone: result.alone, gone: false } })
        return
      }
      case 'retry': {
        const { failure, dueAt } = result
        return this.#park(queue, record, { ...neverRan, attempts: 1, dueAt, first: failure, last: failure })
      }
      case 'dead': {
        const { failure, reason, tried } = result
        const state = { ...neverRan, attempts: tried ? 1 : 0, final: reason, first: failure, last: failure }
        return this.#park(queue, record, state)
      }
    }
  }

  /** Only a reservation until a commit above the record is accepted: a takeover before that throws it away. */
  #park(queue: KeyQueue, { offset: origin, tenant }: Delivered, state: EntryState): void {
    const { out, book, shares } = this.#p
    const identity = { generation: this.#p.generationOf(origin), origin, round: 0 }
    queue.parking += 1
    this.#parking += 1
    shares.opened(tenant)
    out.append(
      { kind: 'park', ...identity, state },
      position => {
        queue.parking -= 1
        this.#parking -= 1
        const entry = { ...identity, queue: queue.name, tenant, position, state, asked: undefined }
        book.addCounted({ ...entry, stage: 'waiting', alone: false })
        this.#p.settled(origin)
        this.#p.step(queue)
      },
      { from: 'topic', offset: origin },
    )
  }
}

/** The first that waits. */
function take(queue: KeyQueue): Delivered {
  const record = queue.waiting.shift()
  if (!record) throw new Error(`nothing waits in ${queue.name}`)
  record.gone = true
  return record
}
