import type { RunEvent, RunResult } from '../../../src/recover/lane/lane-io.ts'
import { crash, tell } from './processes.ts'
import { checkHeld, checkOrder } from './promises.ts'
import { MAX_ATTEMPTS, MAX_WAIT_MS, type Owner, type Running, type World } from './world.ts'

// What handlers do: succeed, fail, kill their process.

export function finish(world: World, owner: Owner, run: Running): void {
  owner.runs = owner.runs.filter(one => one !== run)
  const inLane = run.events[0]?.body.from === 'lane'
  if (inLane && run.events.some(event => world.record(event.origin).deadly)) {
    world.count('died of an event')
    return crash(world, owner)
  }
  if (world.tx && world.lease !== owner.number) {
    owner.over = true // the database says so
    return
  }
  const failed = new Set<string>()
  const alone = run.events.length > 1 && world.chance(0.25)
  const results = run.events.map(event => {
    const { queue } = world.record(event.origin)
    if (alone || failed.has(queue)) return { kind: 'again', alone } as const
    const result = resultOf(world, owner, event)
    if (result.kind !== 'done' && result.kind !== 'skip') failed.add(queue)
    else takeEffect(world, owner, event, result.kind)
    return result
  })
  tell(world, owner, { kind: 'ran', run: run.run, results })
}

function resultOf(world: World, owner: Owner, event: RunEvent): RunResult {
  const { offset, bad, unwanted } = world.record(event.origin)
  if (world.tx && world.inbox.has(world.proof(offset))) return { kind: 'done' }
  if (!world.healed && world.chance(owner.leaving ? 0.5 : 0.04)) return { kind: 'again', alone: false }
  if (unwanted) return { kind: 'skip' }
  if (bad && !world.mended) return { kind: 'dead', reason: 'data', failure, tried: true }
  if (!world.healed && world.chance(world.failing)) {
    if (event.attempts + 1 >= MAX_ATTEMPTS) return { kind: 'dead', reason: 'attempts', failure, tried: true }
    const dueAt = world.clockOf(owner) + world.below(MAX_WAIT_MS)
    const name = `${owner.generationOf(offset)} ${offset} ${event.attempts + 1}`
    world.wanted.set(name, [...(world.wanted.get(name) ?? []), dueAt])
    return { kind: 'retry', dueAt, failure }
  }
  return { kind: 'done' }
}

function takeEffect(world: World, owner: Owner, event: RunEvent, kind: 'done' | 'skip'): void {
  const { offset: at, queue } = world.record(event.origin)
  if (kind === 'skip') {
    world.skipped.add(at)
    return
  }
  if (world.tx) {
    if (world.inbox.has(world.proof(at))) return
    world.inbox.add(world.proof(at))
  }
  const late = owner.generation !== world.generation
  const round = world.letters.get(at)?.round ?? 0
  world.say('EFFECT', Number(at), queue, 'by', owner.number, 'round', round, late ? 'late' : '')
  if (world.hold && (world.tx || !late)) checkHeld(world, at, queue)
  world.done.push({ offset: at, queue, round, owner: owner.number, late, at: world.laneEnd })
  if (world.tx) checkOrder(world, queue)
}

const failure = { name: 'Error', code: undefined, message: 'no', stack: undefined, at: 0 }
