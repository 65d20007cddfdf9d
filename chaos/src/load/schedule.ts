import { createHash } from 'node:crypto'
import type { Target } from '../contract/arm.ts'
import type { LoadPlan } from '../contract/scenario.ts'
import { seeded } from './random.ts'

/** Everything that decides what is sent and when. It is fixed before the first event goes out. */
export interface Schedule {
  readonly phases: LoadPlan['phases']
  readonly keys: number
  readonly zipf: number
  readonly seed: number
  /** Begins each id, so that two runs on one store stay apart. */
  readonly run: string
  readonly target: Pick<Target, 'body' | 'data' | 'poison'>
  /** Seconds between which one event in `every` is one that cannot be handled. */
  readonly poison: readonly { readonly from: number; readonly to: number; readonly every: number }[]
}

export interface PlannedEvent {
  /** Its number; events are numbered from 0 in the order in which they are due. */
  readonly n: number
  /** Milliseconds after the start. */
  readonly dueAt: number
  readonly id: string
  readonly key: string
  readonly body: string
  /** SHA-256 of the payload, in hex. */
  readonly hash: string
}

/** How many events a phase holds. */
export function eventsIn(phase: Schedule['phases'][number]): number {
  return Math.round(phase.seconds * phase.rate)
}

export function plannedEvents(phases: Schedule['phases']): number {
  return phases.reduce((sum, phase) => sum + eventsIn(phase), 0)
}

/** When each event is due, milliseconds after the start. Evenly within a phase: nothing that happens moves it. */
export function* dueTimes(phases: Schedule['phases']): Generator<number> {
  let from = 0
  for (const phase of phases) {
    for (let i = 0; i < eventsIn(phase); i++) yield (from + i / phase.rate) * 1000
    from += phase.seconds
  }
}

/** The events of one of several workers in the order in which they are due. The same schedule gives the same events. */
export function* eventsOf(schedule: Schedule, worker = 0, workers = 1): Generator<PlannedEvent> {
  const random = seeded(schedule.seed)
  const keyAt = keyPicker(schedule.keys, schedule.zipf)
  let n = 0
  for (const dueAt of dueTimes(schedule.phases)) {
    // Drawn for the events of others too, so that the number of workers changes nothing.
    const key = keyAt(random())
    if (n % workers === worker) yield eventAt(schedule, n, dueAt, key)
    n++
  }
}

function eventAt(schedule: Schedule, n: number, dueAt: number, key: string): PlannedEvent {
  const { target, run } = schedule
  const id = idOf(run, n)
  const fill = (template: string): string =>
    template.replaceAll('{id}', id).replaceAll('{key}', key).replaceAll('{n}', String(n))
  const data = fill(isPoison(schedule, n, dueAt) ? (target.poison ?? target.data) : target.data)
  // The payload last: braces inside it are its own.
  const body = fill(target.body).replaceAll('{data}', () => data)
  return { n, dueAt, id, key, body, hash: createHash('sha256').update(data).digest('hex') }
}

export function idOf(run: string, n: number): string {
  return `${run}-${n}`
}

function isPoison({ poison }: Schedule, n: number, dueAt: number): boolean {
  const at = dueAt / 1000
  return poison.some(({ from, to, every }) => at >= from && at < to && n % every === every - 1)
}

/** A key by a number in [0, 1): the weight of key `k` is `1 / (k + 1) ** skew`. */
function keyPicker(keys: number, skew: number): (at: number) => string {
  let total = 0
  const upTo = Array.from({ length: keys }, (_, k) => (total += 1 / (k + 1) ** skew))
  return at => {
    let [low, high] = [0, keys - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((upTo[middle] ?? 0) > at * total) high = middle
      else low = middle + 1
    }
    return `k${low}`
  }
}
