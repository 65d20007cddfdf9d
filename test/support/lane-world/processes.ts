import { offset } from '../../../src/event/index.ts'
import type { Effect, Input } from '../../../src/recover/lane/lane-io.ts'
import type { RetryLane } from '../../../src/recover/lane/lane.ts'
import { decodeNote } from '../../../src/recover/lane/tenure.ts'
import { TopicMark } from '../topic-mark.ts'
import { checkBody, checkPark, checkRun } from './promises.ts'
import { closeRange, openRange } from './ranges.ts'
import { generationAt, MAX_DEATHS, MAX_WAIT_MS, type Owner, type World } from './world.ts'

// Processes that take the partition over, and what they hear and ask.

export function takeOver(world: World): void {
  const owner: Owner = {
    number: world.owners.length,
    generation: ++world.generation,
    lane: undefined,
    mark: new TopicMark(offset(0)),
    readTo: offset(0),
    next: 0,
    delivered: 0,
    appends: [],
    letters: [],
    lookUps: [],
    checks: [],
    runs: [],
    commit: undefined,
    answers: [],
    replayed: new Set(),
    crashed: false,
    stopped: false,
    leaks: false,
    over: false,
    slow: world.chance(0.25),
    leaving: false,
    gone: false,
    skew: world.chance(0.2) ? world.pick([-40, 40]) : 0,
    range: undefined,
    last: world.main.length,
    generationOf: () => 0,
    turning: false,
    begun: new Map(),
  }
  world.owners.push(owner)
  world.say('TAKE', owner.number)
}

/** The lease, the positions with their note, and then the machine. */
export function begin(world: World, owner: Owner): void {
  if (owner.generation !== world.generation) {
    owner.over = true
    return
  }
  world.lease = owner.number
  const { main, note } = world.committed
  const decoded = note === undefined ? undefined : decodeNote(note, 'the world')
  const ranges = [...world.ranges]
  owner.generationOf = at => generationAt(ranges, at)
  owner.range = ranges.find(range => !range.isOver)
  const from = owner.range?.position ?? main
  owner.mark = new TopicMark(from)
  owner.next = world.indexOf(from)
  if (owner.range) owner.last = world.indexOf(owner.range.to)
  owner.readTo = decoded?.lane ?? world.laneStart
  owner.lane = world.subject.retryLane({
    topic: 't',
    group: 'g',
    generationOf: owner.generationOf,
    from: owner.range?.position,
    tenure: world.tenureOf(owner.number),
    committed: main,
    note: decoded,
    laneStart: world.laneStart,
    watermark: owner.mark,
    settings: {
      order: world.order,
      whenDead: world.hold ? 'hold' : 'continue',
      maxParked: world.pick([3, 100]),
      maxRuns: world.pick([1, 4]),
      maxTogether: world.batch && world.tx ? world.pick([1, 2, 4]) : 1, // batches are for effects
      maxWaitMs: MAX_WAIT_MS,
      maxDeaths: MAX_DEATHS,
      compactFrom: world.pick([2, 4, 12]),
      sparse: 2,
      batch: world.batch ? { max: 1 + world.below(4), withinMs: 5 } : undefined,
    },
  })
  tell(world, owner, { kind: 'tick' })
}

export function crash(world: World, owner: Owner): void {
  if (owner.crashed) return
  world.say('CRASH', owner.number)
  world.count('crashed')
  owner.crashed = true
  owner.answers = []
  owner.appends.length = world.below(owner.appends.length + 1)
  owner.letters.length = world.below(owner.letters.length + 1)
}

/** It lets go when there is something to be done that nobody may be at work for. */
export function turn(world: World, owner: Owner): void {
  world.say('TURN', owner.number)
  owner.turning = true
  owner.leaving = true
  tell(world, owner, { kind: 'stop' })
}

/** What it let go for; under its lease, in one transaction. */
export function turned(world: World, owner: Owner): void {
  owner.turning = false
  if (world.lease !== owner.number) return
  if (owner.range) closeRange(world, owner.range)
  else openRange(world)
  if (world.chance(0.9) || world.healed) takeOver(world)
}

export function tell(world: World, owner: Owner, input: Input): void {
  const { lane } = owner
  if (!lane) return
  world.say('TELL', owner.number, input)
  for (const effect of handled(world, owner, lane, input)) takeUp(world, owner, effect)
  if (lane.phase === 'over') owner.over = true
}

/** Whoever finds damage asks the log first whether it is the owner still. */
function handled(world: World, owner: Owner, lane: RetryLane, input: Input): readonly Effect[] {
  try {
    return lane.handle(input, world.clockOf(owner))
  } catch (error) {
    if (owner.generation === world.generation) throw error
    owner.over = true
    return []
  }
}

function takeUp(world: World, owner: Owner, effect: Effect): void {
  world.say('ASKS', owner.number, effect)
  switch (effect.kind) {
    case 'append':
      owner.appends.push(effect)
      if (effect.body?.from === 'letter' && effect.record.kind === 'park') {
        const name = `${effect.record.origin}.${effect.record.round}`
        // What a former owner appends is nobody's, and it may not know that the event is in its letter by now.
        if (owner.replayed.has(name) && owner.generation === world.generation)
          world.broken(`DOUBLE REPLAY of ${name}`)
        owner.replayed.add(name)
      }
      if (effect.record.kind === 'park') checkPark(world, owner, effect.record, effect.body)
      if (effect.record.kind === 'start') owner.begun.set(effect.record.origin, world.clockOf(owner))
      world.count(effect.record.kind === 'park' ? `park from ${effect.body?.from}` : effect.record.kind)
      return
    case 'letter':
      owner.letters.push(effect)
      return
    case 'check':
      owner.checks.push(effect)
      checkBody(world, owner, effect.event.origin, effect.event.body)
      return
    case 'look-up':
      owner.lookUps.push(effect)
      return
    case 'run':
      owner.runs.push(effect)
      checkRun(world, owner, effect)
      return
    case 'commit':
      if (owner.commit) world.broken('TWO COMMITS at once')
      owner.commit = { of: effect, accepted: undefined }
      return
  }
}
