import { offset, seededRandom } from '../../src/event/index.ts'
import type { Assignment, JobBook } from '../../src/recover/replay/job-book.ts'
import {
  noCounts,
  type JobCounts,
  type JobRecord,
  type Progress,
} from '../../src/recover/replay/job-record.ts'

const TP = { topic: 't', partition: 0 }
const EVENTS = 12

/** An owner of the partition: it knows what it has read, and may have been replaced without knowing it. */
interface Owner {
  readonly epoch: number
  readonly book: JobBook
  read: number
  /** What it works on, and how far it is. */
  at: { readonly assignment: Assignment; next: number; counts: Record<keyof JobCounts, number> } | undefined
  /** Said, and not durable yet: it lands later, or never. */
  said: Progress | undefined
}

/** What happened in a run, for whoever wants to know that it was tried. */
export type Seen = Map<string, number>

/**
 * One seeded run of replays in a partition: owners come, crash, stand still and go on as former ones, jobs are asked for
 * and cancelled. Answers the first promise that was broken.
 */
export function runJobs(makeBook: () => JobBook, seed: number, seen: Seen): string | undefined {
  const random = seededRandom(seed)
  const pick = (n: number): number => Math.floor(random() * n)
  const happened = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1)

  const log: JobRecord[] = []
  const truth = makeBook()
  const applied = new Map<number, number>()
  for (let i = 0; i < EVENTS; i++) if (random() < 0.5) applied.set(i, 0)
  /** What was ever applied: a reset may have taken it back since. */
  const handled = new Set(applied.keys())
  /** Ranges that run again, by job, as the database has them. */
  const table = new Map<string, { position: number; isOver: boolean }>()
  /** Effects of each job. */
  const effects = new Map<string, number>()
  const ended = new Set<string>()
  const positions = new Map<string, bigint>()
  let lease = 0
  let owners: Owner[] = []
  let broken: string | undefined

  function append(record: JobRecord): void {
    log.push(record)
    truth.apply(record)
    for (const job of truth.list()) {
      const [part] = job.parts
      if (!part) continue
      if (ended.has(job.id) && job.endedAt === undefined) broken ??= `${job.id} went on after its end`
      if (job.endedAt !== undefined) ended.add(job.id)
      if (part.position < (positions.get(job.id) ?? 0n)) broken ??= `${job.id} moved back`
      positions.set(job.id, part.position)
      const isDone = (i: number): boolean =>
        job.mode === 'fill' ? handled.has(i) : i < (table.get(job.id)?.position ?? 0)
      for (let i = Number(part.from); i < Number(part.position); i++)
        if (!isDone(i)) broken ??= `${job.id} passed ${i} by`
      if (part.counts.applied > (effects.get(job.id) ?? 0)) broken ??= `${job.id} counts more than it did`
    }
  }

  function takeOver(): Owner {
    const owner: Owner = { epoch: ++lease, book: makeBook(), read: 0, at: undefined, said: undefined }
    readOn(owner, log.length)
    owners.push(owner)
    happened(owners.length > 1 ? 'took over from a live one' : 'took over')
    return owner
  }

  function readOn(owner: Owner, to: number): void {
    for (const record of log.slice(owner.read, to)) owner.book.apply(record)
    owner.read = Math.max(owner.read, Math.min(to, log.length))
  }

  function work(owner: Owner): void {
    if (owner.said) return land(owner)
    const next = openRange(owner) ?? owner.book.next('g', TP)
    if (!next) return
    if (owner.at?.assignment.job.job !== next.job.job)
      owner.at = { assignment: next, next: Number(next.position), counts: { ...noCounts } }
    const { at } = owner
    const heard = log
      .slice(0, owner.read)
      .some(record => record.kind === 'cancel' && record.job === next.job.job)
    if (heard && !next.cancelled) broken ??= `${next.job.job} went on though it was cancelled`
    if (next.job.mode === 'reprocess') return workAgain(owner, next)
    const isDone = at.next >= Number(next.range.to)
    if (isDone || next.cancelled) return say(owner, isDone ? 'done' : 'cancelled')
    if (random() < 0.2) return say(owner, 'running')
    if (owner.epoch !== lease && !applied.has(at.next)) return fenced(owner)
    const job = next.job.job
    if (applied.has(at.next)) at.counts.known += 1
    else {
      applied.set(at.next, 1)
      handled.add(at.next)
      effects.set(job, (effects.get(job) ?? 0) + 1)
      at.counts.applied += 1
    }
    at.next += 1
  }

  function fenced(owner: Owner): void {
    happened('fenced')
    owners = owners.filter(one => one !== owner)
  }

  /** One that was begun is gone on with, whatever others have said of its job meanwhile. */
  function openRange(owner: Owner): Assignment | undefined {
    const [open] = [...table].filter(([, { isOver }]) => !isOver)
    const asked = log.find(record => record.kind === 'asked' && record.job === open?.[0])
    const [range] = asked?.kind === 'asked' ? asked.ranges : []
    if (owner.epoch !== lease || asked?.kind !== 'asked' || !range) return undefined
    const cancelled = owner.book.find(asked.job)?.cancelled !== undefined
    return { job: asked, range, position: range.from, cancelled }
  }

  /** The three steps of a reprocess: whatever it does in the database, it does under the lease. */
  function workAgain(owner: Owner, { job: { job }, range, cancelled }: Assignment): void {
    const { at } = owner
    if (!at) return
    const [from, to] = [Number(range.from), Number(range.to)]
    const row = table.get(job)
    at.next = row?.position ?? from
    if (row?.isOver || (!row && cancelled)) return say(owner, at.next < to ? 'cancelled' : 'done')
    if (owner.epoch !== lease) return fenced(owner)
    if (!row) {
      if (random() < 0.3) return say(owner, 'waits')
      for (let i = from; i < to; i++) applied.delete(i)
      table.set(job, { position: from, isOver: false })
      happened('reset')
    } else if (row.position >= to || cancelled) row.isOver = true
    else if (random() < 0.2) say(owner, 'running')
    else {
      if (applied.has(row.position)) broken ??= `${job} ran ${row.position} twice`
      applied.set(row.position, 1)
      handled.add(row.position)
      effects.set(job, (effects.get(job) ?? 0) + 1)
      at.counts.applied += 1
      row.position += 1
    }
  }

  function say(owner: Owner, state: Progress['state']): void {
    if (!owner.at) return
    const { assignment, next, counts } = owner.at
    owner.said = {
      kind: 'progress',
      job: assignment.job.job,
      ...TP,
      tenure: `w${owner.epoch}`,
      at: log.length,
      position: offset(next),
      state,
      reason: undefined,
      counts: { ...counts },
    }
    if (random() < 0.7) land(owner)
  }

  function land(owner: Owner): void {
    if (!owner.said) return
    if (owner.epoch !== lease) happened('a former owner spoke')
    happened(owner.said.state)
    append(owner.said)
    owner.said = undefined
    // Read back before it goes on.
    readOn(owner, log.length)
  }

  function ask(): void {
    const again = log.find(record => record.kind === 'asked')
    if (again && random() < 0.3) return append(again)
    const from = pick(EVENTS - 1)
    const to = from + 1 + pick(EVENTS - from)
    const job = `j${truth.list().length}`
    const range = { ...TP, from: offset(from), to: offset(to) }
    append({
      kind: 'asked',
      job,
      group: 'g',
      mode: random() < 0.5 ? 'fill' : 'reprocess',
      ratePerSecond: undefined,
      ranges: [range],
      at: 0,
      by: '',
      reason: '',
    })
    happened('asked')
  }

  for (let step = 0; step < 120 && !broken; step++) {
    const dice = random()
    const owner = owners[pick(owners.length)]
    if (dice < 0.06 && truth.list().length < 4) ask()
    else if (dice < 0.08 && truth.list().length > 0) {
      append({ kind: 'cancel', job: `j${pick(truth.list().length)}`, at: 0, by: '', reason: '' })
      happened('cancel')
    } else if (dice < 0.12 && owners.length < 4) takeOver()
    else if (dice < 0.15 && owner) {
      owners = owners.filter(one => one !== owner)
      happened('crashed')
    } else if (dice < 0.3 && owner) readOn(owner, owner.read + 1 + pick(3))
    else if (owner) work(owner)
  }
  // In the end a healthy owner finds everything that is left.
  const last = takeOver()
  for (let step = 0; step < 500 && !broken && (openRange(last) ?? last.book.next('g', TP)); step++) {
    readOn(last, log.length)
    work(last)
  }
  if (broken) return broken
  for (const job of truth.list()) {
    const [part] = job.parts
    if (!part || job.endedAt === undefined) return `${job.id} has no end`
    if (job.state === 'done' && part.position !== part.to) return `${job.id} is done at ${part.position}`
    if (job.state === 'cancelled' && !job.cancelled) return `${job.id} was cancelled by nobody`
  }
  return undefined
}
