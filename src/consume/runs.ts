import type { LogRecord, Offset } from '../event/index.ts'
import { FairQueue } from '../recover/index.ts'
import type { RunEvent, RunResult } from '../recover/lane/index.ts'
import type { Place } from './admission.ts'
import type { Generations } from './generations.ts'
import type { GroupContext, Task } from './group-context.ts'
import { inOrder } from './in-order.ts'
import { loadTogether } from './load-together.ts'
import { again, AGAIN, isUnreadable, RunResults, type RunResultsOptions } from './run-results.ts'
import { supervised, type Outcome } from './supervised.ts'
import type { UnderWay } from './under-way.ts'

export interface RunsOptions extends RunResultsOptions {
  readonly generations: Generations
  readonly underWay: UnderWay
  /** Aborted last: what runs is cut off. */
  readonly work: AbortSignal
  /** For events of this generation. Undefined: nothing is certain. */
  appliedBelow(generation: number): Offset | undefined
  /** An event of the lane, read there; undefined when the owner is over. */
  load(event: RunEvent): Promise<Task | undefined>
  /** A run came to its end: one result for each event. */
  ended(run: number, results: readonly RunResult[]): void
  /** A run began that had waited for a place. */
  began(): void
  /** Whether events of several tenants come. */
  isShared(): boolean
  /** Whether the entry that comes next is under suspicion. */
  wantsAlone(): boolean
  /** There is a place for an entry of the lane. */
  place(place: Place): void
  /** The database says that another worker owns the partition. */
  fenced(): void
}

interface Waiting {
  readonly run: number
  readonly tasks: readonly Task[]
}

/**
 * Runs handlers when there is a place for them, and says what came of it (`run-results.ts`).
 *
 * What waits for a place is a record in a list, with nothing begun for it. A handler that is done when it returns leaves
 * no promise behind.
 */
export class Runs {
  readonly #o: RunsOptions
  readonly #c: GroupContext
  readonly #results: RunResults
  readonly #ready = new FairQueue<Waiting>()
  #waitsForPlace = false
  #asksForEntry = false

  constructor(options: RunsOptions) {
    this.#o = options
    this.#c = options.context
    this.#results = new RunResults(options)
  }

  /**
   * Whether enough wait for every place: more would only grow old in memory. Where tenants share the partition, not while
   * all that wait are of one of them: an event of another, that would have its turn at once, may come right behind.
   */
  get hasEnough(): boolean {
    const { size, tenants } = this.#ready
    if (size < this.#c.settings.concurrency) return false
    return tenants > 1 || !this.#o.isShared()
  }

  /**
   * Begins an event of the topic that nothing has to wait for, if there is a place. `done`: it was done before anybody
   * could look. Undefined: it has to wait for a place.
   */
  tryNow(task: Task): 'done' | Promise<Outcome> | undefined {
    const place = isUnreadable(task) || this.#ready.size > 0 ? undefined : this.#c.admission.tryEnter(1)
    if (!place) return undefined
    const outcome = this.#attempt([task], place)
    if (outcome instanceof Promise) return outcome
    this.#results.done(task) // whatever else could be the matter takes time to find out
    return 'done'
  }

  /** Events of the topic; several are a batch. `begun`: what {@link tryNow} began. */
  start(run: number, tasks: readonly Task[], begun: Promise<Outcome> | undefined): void {
    if (begun) return this.#o.underWay.track(begun.then(outcome => this.#after(run, tasks, outcome)))
    this.#ready.push({ run, tasks }, tasks.length === 1 ? tasks[0]?.event?.tenant : undefined)
    this.#begin()
  }

  /** Entries of the lane, in the place that they were begun for. */
  startParked(run: number, events: readonly RunEvent[], place: Place): void {
    this.#o.underWay.track(this.#runParked(run, events, place))
  }

  /** Asks for a place for an entry of the lane; one at a time. */
  askForEntry(): void {
    if (this.#asksForEntry) return
    this.#asksForEntry = true
    this.#o.underWay.track(
      (async () => {
        const place = await this.#placeForEntry()
        this.#asksForEntry = false
        if (place) this.#o.place(place)
      })(),
    )
  }

  /**
   * Of entries that are under suspicion one runs at a time in the whole process. Those of several partitions would die with
   * the same process again and again, and the innocent be given up with the one that kills it.
   */
  async #placeForEntry(): Promise<Place | undefined> {
    const { intake } = this.#o
    const place = await this.#c.admission.enter(1, intake)
    if (!place || !this.#o.wantsAlone()) return place
    const release = await this.#c.suspects.enter(intake)
    if (!release) {
      place.leave('neither')
      return undefined
    }
    return {
      leave(how) {
        release()
        place.leave(how)
      },
    }
  }

  /** Of the topic, and no handler wants it. */
  skipped(record: LogRecord): void {
    this.#results.skipped({ record, attempts: 0, lastError: undefined })
  }

  /** Gives back what has no place yet: nothing begins any more. */
  giveBack(): void {
    for (let next = this.#ready.shift(); next; next = this.#ready.shift())
      this.#o.ended(next.run, next.tasks.map(again))
  }

  // ---- places

  #begin(): void {
    for (let next = this.#ready.first; next && !this.#o.intake.aborted; next = this.#ready.first) {
      // What only dies needs no place. In a flood of deaths it may not die either, and the gate is shut.
      const wantsPlace = !this.#c.gate.isOpen || !next.tasks.every(isUnreadable)
      const place = wantsPlace ? this.#c.admission.tryEnter(next.tasks.length) : undefined
      if (wantsPlace && !place) {
        if (!this.#waitsForPlace) this.#o.underWay.track(this.#beginWhenPlace(next.tasks.length))
        return
      }
      this.#ready.shift()
      this.#run(next, place)
    }
  }

  /** One waits for all that are ready, so that the group's other partitions get their turn. */
  async #beginWhenPlace(count: number): Promise<void> {
    this.#waitsForPlace = true
    const place = await this.#c.admission.enter(count, this.#o.intake)
    this.#waitsForPlace = false
    const next = place && !this.#o.intake.aborted ? this.#ready.shift() : undefined
    if (next) this.#run(next, place)
    else place?.leave('neither')
    this.#begin()
    this.#o.began()
  }

  // ---- one run

  #run({ run, tasks: all }: Waiting, place: Place | undefined): void {
    const tasks = inOrder(this.#ofOneGeneration(all), this.#c.settings.order)
    const readable = tasks.some(isUnreadable) ? tasks.filter(task => !isUnreadable(task)) : tasks
    if (!place || readable.length === 0) {
      place?.leave('neither')
      return this.#track(this.#after(run, tasks, [], all))
    }
    const outcome = this.#attempt(readable, place)
    this.#track(
      outcome instanceof Promise
        ? outcome.then(one => this.#after(run, tasks, one, all))
        : this.#after(run, tasks, outcome, all),
    )
  }

  /** One transaction is for ids of one generation. From the first one of another on they have their turn in the next batch. */
  #ofOneGeneration(tasks: readonly Task[]): readonly Task[] {
    const { generations } = this.#o
    const [first] = tasks
    if (!first || tasks.length === 1) return tasks
    const generation = generations.of(first.record.offset)
    const other = tasks.findIndex(task => generations.of(task.record.offset) !== generation)
    return other < 0 ? tasks : tasks.slice(0, other)
  }

  #track(work: Promise<void> | undefined): void {
    if (work) this.#o.underWay.track(work)
  }

  /** What is left out comes back, and runs in its turn. */
  async #runParked(run: number, events: readonly RunEvent[], place: Place): Promise<void> {
    const loaded = await loadTogether(events, event => this.#o.load(event)).catch((error: unknown) => {
      place.leave('neither')
      throw error
    })
    const wanted = loaded.filter(task => task.handler !== undefined || isUnreadable(task))
    const tasks = inOrder(wanted, this.#c.settings.order)
    const readable = tasks.filter(task => !isUnreadable(task))
    if (readable.length === 0) place.leave('neither')
    const outcome = readable.length === 0 ? [] : await this.#attempt(readable, place)
    await this.#after(
      run,
      tasks,
      outcome,
      events.map((_, i) => loaded[i]),
    )
  }

  #attempt(tasks: readonly Task[], place: Place): Outcome | Promise<Outcome> {
    const { generations } = this.#o
    const at = tasks[0]?.record.offset
    return supervised(tasks, place, this.#c, {
      lease: at === undefined ? undefined : generations.lease(at),
      appliedBelow: at === undefined ? undefined : this.#o.appliedBelow(generations.of(at)),
      signal: this.#o.work,
    })
  }

  /**
   * Without a promise where everything was done. `outcome` is about the tasks that can be read; `all`: those of the run,
   * where some of them had to wait, undefined where one was not even read.
   */
  #after(
    run: number,
    tasks: readonly Task[],
    outcome: Outcome,
    all: readonly (Task | undefined)[] = tasks,
  ): Promise<void> | undefined {
    if (outcome === 'fenced') {
      this.#o.fenced()
      return undefined
    }
    const results = outcome === 'cut' ? tasks.map(again) : this.#results.of(tasks, outcome)
    if (results instanceof Promise) return results.then(one => this.#ended(run, tasks, one, all))
    this.#ended(run, tasks, results, all)
    return undefined
  }

  #ended(
    run: number,
    tasks: readonly Task[],
    results: readonly RunResult[],
    all: readonly (Task | undefined)[],
  ): void {
    if (all === tasks) return this.#o.ended(run, results)
    const resultOf = new Map(tasks.map((task, i) => [task, results[i]]))
    this.#o.ended(
      run,
      all.map(task => (task ? (resultOf.get(task) ?? this.#leftOut(task)) : AGAIN)),
    )
  }

  #leftOut(task: Task): RunResult {
    const isUnwanted = task.handler === undefined && !isUnreadable(task)
    return isUnwanted ? this.#results.skipped(task) : again(task)
  }
}
