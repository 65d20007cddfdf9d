import type { Offset } from '../../../src/event/index.ts'
import type { Body, RunEvent } from '../../../src/recover/lane/lane-io.ts'
import { isReleaseWished } from './operators.ts'
import type { Append, Owner, Running, World } from './world.ts'

// What must be true at each step; {@link World.broken} when it is not.

export function checkAnswer(world: World, id: string): void {
  const { action } = world.requests.find(request => request.id === id) ?? {}
  const decides = action === 'replay' || action === 'discard' || action === 'restore'
  if (decides && !world.won.has(id)) world.broken(`ANSWER: ${id} was not granted`)
}

/** Only what has an older one of its key in the lane is parked without having failed. */
export function checkPark(
  world: World,
  owner: Owner,
  { origin, state }: Extract<Append['record'], { kind: 'park' }>,
  body: Body | undefined,
): void {
  world.parked.add(origin)
  if (body?.from !== 'topic' || state.attempts > 0 || state.final !== undefined) return
  if (owner.generation !== world.generation) return // it may have read of a replay of what it is to deliver yet
  if (owner.range) return // a letter of a newer one may be on its way into the lane
  const { queue } = world.record(origin)
  world.count('waited for its key')
  if (
    !world.main.some(
      other => other.queue === queue && other.offset < origin && world.parked.has(other.offset),
    )
  )
    world.broken(`WAITED: ${origin} was parked behind nothing`)
}

/** Not before the time that its handler wanted, unless somebody hurried it. */
function checkDue(world: World, owner: Owner, { origin, attempts, body }: RunEvent): void {
  if (body.from !== 'lane' || world.hurried.has(origin)) return
  const wanted = world.wanted.get(`${owner.generationOf(origin)} ${origin} ${attempts}`)
  if (!wanted) return
  world.count('was due')
  const now = owner.begun.get(origin) ?? world.broken(`RAN ${origin} without a start`)
  if (wanted.every(at => at > now)) world.broken(`EARLY: ${origin} ran at ${now}, wanted at ${wanted.join()}`)
}

/** One after another within a key, unless they share a transaction. */
export function checkRun(world: World, owner: Owner, { run, events }: Running): void {
  checkShared(world, owner, events)
  for (const event of events) {
    const { origin, body } = event
    checkBody(world, owner, origin, body)
    checkDue(world, owner, event)
    const { queue } = world.record(origin)
    const beside = owner.runs.find(
      other => other.run !== run && other.events.some(event => world.record(event.origin).queue === queue),
    )
    if (beside) world.broken(`AT ONCE: ${origin} beside another of ${queue}`)
  }
}

/** A transaction of the lane is for ids of one generation, and for first rounds or for replays. */
function checkShared(world: World, owner: Owner, events: readonly RunEvent[]): void {
  if (events.length === 1 || events[0]?.body.from !== 'lane') return
  const kinds = events.map(({ origin, round }) => `${owner.generationOf(origin)} ${round === 0}`)
  if (new Set(kinds).size > 1) world.broken(`MIXED: ${events.map(event => event.origin).join()}`)
  const queues = new Set(events.map(({ origin }) => world.record(origin).queue))
  if (queues.size > 1) world.count('shared a run')
  if (queues.size < events.length) world.count('ran behind its head')
}

/** The bytes must be where the machine says that they are. A former owner may find them forgotten. */
export function checkBody(world: World, owner: Owner, origin: Offset | undefined, body: Body): void {
  if (owner.generation !== world.generation) return
  switch (body.from) {
    case 'topic':
      if (body.offset !== origin) world.broken(`BODY of ${origin} is that of ${body.offset}`)
      return
    case 'letter':
      if (!world.letters.has(body.origin)) world.broken(`BODY of ${origin}: no letter`)
      return
    case 'lane': {
      const found = world.lane.find(record => record.position === body.position)
      if (found?.kind !== 'park' || found.origin !== origin)
        world.broken(`BODY of ${origin} is not at ${body.position}`)
    }
  }
}

export function checkHeld(world: World, at: Offset, queue: string): void {
  for (const before of world.main) {
    if (before.queue !== queue || before.offset >= at) continue
    const letter = world.letters.get(before.offset)
    if (
      letter?.status === 'died' &&
      !isReleaseWished(world, before.offset, letter) &&
      !world.letGo.has(before.offset)
    )
      world.broken(`HOLD: ${at} applied while ${before.offset} is held`)
  }
}

export function checkOrder(world: World, queue: string): void {
  if (world.hold && world.done.some(one => one.round > 0 && world.everReleased.has(one.offset))) return
  const order = world.done
    .slice(world.inOrderFrom)
    .filter(one => one.queue === queue && (world.hold || one.round === 0))
    .map(one => one.offset)
  if (order.some((at, i) => at < (order[i - 1] ?? 0n))) world.broken(`ORDER of ${queue}: ${order.join()}`)
}
