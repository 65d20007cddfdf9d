import { answerCommit, answerNext, askInbox, deliver, lookUp, readLane } from './answers.ts'
import { decideCommit, forget, landAppend, landLetter } from './arrivals.ts'
import { finish } from './handlers.ts'
import { operate, releaseOne } from './operators.ts'
import { begin, crash, takeOver, tell, turn, turned } from './processes.ts'
import { wantsTurn, wishAgain } from './ranges.ts'
import { judge } from './verdict.ts'
import type { Owner, World } from './world.ts'

const STEPS = 130
const HEALING_STEPS = 6_000

/**
 * Lets everything happen in a world that can: processes take the partition over, crash, stand still and come back, and
 * all of it is drawn from the seed. Ends when the faults have ended and nothing is left to do; throws {@link Broken} as
 * soon as a promise is.
 */
export function play(world: World): void {
  takeOver(world)
  for (let step = 0; step < STEPS; step++) {
    world.steps++
    if (world.chance(world.faults)) {
      fault(world)
      continue
    }
    if (world.chance(0.05)) for (const owner of world.owners) owner.stopped = false
    if (world.chance(0.06)) operate(world)
    if (world.chance(0.01)) world.mended = true
    if (world.tx && world.chance(0.02)) wishAgain(world)
    act(world)
  }
  heal(world)
  judge(world)
}

function heal(world: World): void {
  world.healed = true
  world.say('HEAL')
  for (const owner of world.owners) owner.stopped = false
  const last = world.owners.at(-1)
  if (!last || last.crashed || last.over || last.leaving || world.chance(0.5)) takeOver(world)
  for (let step = 0; step < HEALING_STEPS; step++) {
    world.steps++
    const last = world.owners.at(-1)
    if (last?.crashed) takeOver(world)
    if (act(world)) continue
    const due = last?.lane?.dueAt
    if (due !== undefined) {
      world.now = Math.max(world.now, due - (last?.skew ?? 0))
      continue
    }
    if (!world.hold || !releaseOne(world)) return
  }
}

function act(world: World): boolean {
  let total = 0
  let chosen: (() => void) | undefined
  actions(world, (weight, action) => {
    total += weight
    // Each keeps its share of the chances, whatever comes after it.
    if (world.random() * total < weight) chosen = action
  })
  chosen?.()
  return chosen !== undefined
}

function fault(world: World): void {
  const owner = world.owners.at(-1)
  if (!owner) return
  const kind = world.random()
  if (kind < 0.35) crash(world, owner)
  else if (kind < 0.65) {
    world.say('STOP', owner.number)
    world.count('stopped')
    owner.stopped = true
    owner.leaks = world.chance(0.5)
  } else if (kind < 0.8 && owner.lane?.phase === 'live' && !owner.crashed && !owner.over) {
    world.say('LEAVE', owner.number)
    owner.leaving = true
    tell(world, owner, { kind: 'stop' })
    return
  }
  takeOver(world)
}

function actions(world: World, add: (weight: number, action: () => void) => void): void {
  for (const owner of world.owners) {
    if (owner.turning && owner.over && !owner.crashed && !owner.stopped) add(2, () => turned(world, owner))
    if (owner.gone) continue
    const sends = !owner.stopped || owner.leaks
    if (sends && owner.appends.length > 0) add(owner.slow ? 0.3 : 3, () => landAppend(world, owner))
    if (sends && owner.letters.length > 0) add(3, () => landLetter(world, owner))
    if (owner.commit && owner.commit.accepted === undefined) add(2, () => decideCommit(world, owner))
    const ended = owner.crashed || owner.over
    const undecided = owner.commit !== undefined && owner.commit.accepted === undefined
    owner.gone = ended && !undecided && owner.appends.length + owner.letters.length === 0
    if (ended || owner.stopped) continue
    actionsOf(world, owner, add)
  }
}

function actionsOf(world: World, owner: Owner, add: (weight: number, action: () => void) => void): void {
  const { lane, commit } = owner
  if (!lane) return add(2, () => begin(world, owner))
  if (owner.answers.length > 0) add(4, () => answerNext(world, owner))
  if (commit && commit.accepted !== undefined) add(2, () => answerCommit(world, owner, commit))
  if (owner.readTo < world.laneEnd) add(lane.phase === 'live' ? 1 : 4, () => readLane(world, owner))
  for (const check of owner.checks) add(2, () => askInbox(world, owner, check))
  for (const asked of owner.lookUps) add(2, () => lookUp(world, owner, asked))
  if (lane.phase !== 'live') return
  if (wantsTurn(world, owner)) add(1, () => turn(world, owner))
  if (!lane.full && owner.next < owner.last && owner.mark.unfinished < 3 && !owner.leaving)
    add(3, () => deliver(world, owner))
  for (const run of owner.runs) add(3, () => finish(world, owner, run))
  if (lane.commitDue !== 'no') add(1, () => tell(world, owner, { kind: 'commit-due' }))
  if (lane.forgettable > world.laneStart) add(1, () => forget(world, lane.forgettable))
  const { dueAt } = lane
  if (dueAt !== undefined && dueAt <= world.clockOf(owner)) add(3, () => tell(world, owner, { kind: 'tick' }))
  if (dueAt !== undefined && dueAt > world.clockOf(owner))
    add(1, () => {
      // Somebody may set it back.
      world.now += !world.healed && world.chance(0.1) ? -world.below(20) : 1 + world.below(20)
    })
  if (lane.wantsPlace) add(3, () => tell(world, owner, { kind: 'place' }))
  // A place that was asked for may come when nobody wants it any more.
  else if (!world.healed && world.chance(0.02)) add(1, () => tell(world, owner, { kind: 'place' }))
}
