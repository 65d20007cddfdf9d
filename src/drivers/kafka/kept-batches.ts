import type { Clock } from '../../event/index.ts'
import type { Fetched } from './fetch-answer.ts'
import type { RecordBatch } from './record-batch.ts'

/** A partition, as who leads it answers for it. */
export interface Place {
  /** Another topic of the same name has another one. */
  readonly topicId: string
  readonly partition: number
  readonly leader: string
}

/** Consecutive batches, with all that stands between two offsets. */
export interface Run {
  readonly batches: readonly RecordBatch[]
  /** What there is from here on is in it … */
  readonly from: bigint
  /** … up to here. */
  readonly next: bigint
}

interface KeptRun extends Run {
  readonly bytes: number
}

interface Partition {
  leader: string
  /** When a broker was heard of it last. */
  seenAt: number
  /** First offset that is kept there; it never goes back. */
  start: bigint
  /** End of the partition. */
  end: bigint
  /** By where they begin; none overlaps another. */
  runs: KeptRun[]
}

/**
 * Batches that were fetched, of all partitions, for whoever reads there next: the rest of a page, another group, or an
 * event that waits in the retry lane, whose batch holds thousands. Bound by bytes; the oldest go first.
 *
 * What a broker has sent stands below its high watermark and changes no more. It can only go: by a deletion, which the
 * start of the partition tells, or with a leader that lost its place, or its memory. Each fetch of the partition tells who
 * leads and where it starts, and readers at its end fetch several times a second. What no fetch has confirmed for
 * {@link FRESH_MS} is not answered any more, and nothing makes it good again.
 */
export class KeptBatches {
  readonly #clock: Clock
  readonly #maxBytes: number
  readonly #partitions = new Map<string, Partition>()
  /** Of all partitions, in the order in which they came. */
  readonly #runs = new Map<KeptRun, Partition>()
  #bytes = 0

  constructor(clock: Clock, maxBytes: number = MAX_BYTES) {
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  /** All that is known to stand from `from` on, with the end of the partition. Undefined when it has to be fetched. */
  at(place: Place, from: bigint): (Run & { readonly end: bigint }) | undefined {
    const partition = this.#partitions.get(idOf(place))
    if (partition?.leader !== place.leader || from < partition.start) return undefined
    if (this.#clock.monotonic() - partition.seenAt > FRESH_MS) return undefined
    const run = partition.runs[before(partition.runs, from)]
    return run !== undefined && from < run.next ? { ...run, end: partition.end } : undefined
  }

  /** What a fetch from `asked` on has brought. */
  put(place: Place, asked: bigint, { batches, next, logStart, end }: Fetched): void {
    const partition = this.#confirmed(place, logStart, end)
    if (next === undefined || next <= asked) return
    const [first] = batches
    // The first batch may begin before: it came whole. What stands between two is known to be nothing.
    const from = first !== undefined && first.first < asked ? first.first : asked
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes, RUN_BYTES)
    this.#dropWithin(partition, from, next)
    this.#add(partition, joined(partition.runs[before(partition.runs, from)], { batches, from, next, bytes }))
    for (const oldest of this.#runs.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#drop(oldest)
    }
  }

  /** What stands below was deleted; a fetch that is under way may not know that yet. */
  startsAt(of: Pick<Place, 'topicId' | 'partition'>, start: bigint): void {
    const partition = this.#of(of)
    if (partition.start < start) partition.start = start
    for (let run = partition.runs[0]; run && run.next <= start; run = partition.runs[0]) this.#drop(run)
  }

  #confirmed(place: Place, start: bigint, end: bigint): Partition {
    const partition = this.#of(place)
    const now = this.#clock.monotonic()
    const isDoubtful = partition.leader !== place.leader || now - partition.seenAt > FRESH_MS
    // An older answer may come after a newer one; what it does not know of is fetched again.
    for (let run = partition.runs.at(-1); run && (isDoubtful || run.next > end); run = partition.runs.at(-1))
      this.#drop(run)
    Object.assign(partition, { leader: place.leader, seenAt: now, end })
    this.startsAt(place, start)
    return partition
  }

  #of({ topicId, partition }: Pick<Place, 'topicId' | 'partition'>): Partition {
    const id = idOf({ topicId, partition })
    let known = this.#partitions.get(id)
    if (known === undefined)
      this.#partitions.set(id, (known = { leader: '', seenAt: -Infinity, start: 0n, end: 0n, runs: [] }))
    return known
  }

  #add(partition: Partition, run: KeptRun): void {
    this.#dropWithin(partition, run.from, run.next)
    partition.runs.splice(before(partition.runs, run.from) + 1, 0, run)
    this.#runs.set(run, partition)
    this.#bytes += run.bytes
  }

  #dropWithin({ runs }: Partition, from: bigint, next: bigint): void {
    for (let nth = before(runs, next - 1n), run = runs[nth]; run && run.next > from; run = runs[--nth])
      this.#drop(run)
  }

  #drop(run: KeptRun): void {
    const runs = this.#runs.get(run)?.runs
    if (runs === undefined) return
    this.#runs.delete(run)
    this.#bytes -= run.bytes
    runs.splice(before(runs, run.from), 1)
  }
}

/** Readers at the end fetch few records at a time: what follows on what is kept is kept with it, as far as it is small. */
function joined(last: KeptRun | undefined, run: KeptRun): KeptRun {
  if (last?.next !== run.from || last.bytes + run.bytes > MAX_JOINED_BYTES) return run
  const batches = [...last.batches, ...run.batches]
  return { batches, from: last.from, next: run.next, bytes: last.bytes + run.bytes }
}

/** Which run begins at or last before an offset; -1 when none does. */
function before(runs: readonly Run[], from: bigint): number {
  let [low, high] = [0, runs.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((runs[middle]?.from ?? 0n) <= from) low = middle + 1
    else high = middle
  }
  return low - 1
}

function idOf({ topicId, partition }: Pick<Place, 'topicId' | 'partition'>): string {
  return `${topicId}/${partition}`
}

const MAX_BYTES = 32 * 1024 * 1024
const MAX_JOINED_BYTES = 256 * 1024
/** A run of one small record takes this as well. */
const RUN_BYTES = 1_000
/** How old the last word of a broker on the partition may be. Milliseconds. */
const FRESH_MS = 2_000
