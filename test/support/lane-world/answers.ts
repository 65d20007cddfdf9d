import { offset } from '../../../src/event/index.ts'
import { tell } from './processes.ts'
import { MAX_WAIT_MS, type Check, type LookUp, type Owner, type World } from './world.ts'

// What comes back to a process: answers, pages, events.

export function answerCommit(
  world: World,
  owner: Owner,
  { of, accepted }: NonNullable<Owner['commit']>,
): void {
  if (accepted && owner.lane?.phase === 'taking-over') {
    const fence = of.note.tenures.at(-1)?.fence ?? world.laneEnd
    world.live.push({ number: owner.number, fence })
    world.count('took over')
  }
  owner.commit = undefined
  tell(world, owner, { kind: accepted ? 'committed' : 'refused' })
  if (!accepted) owner.over = true
}

export function answerNext(world: World, owner: Owner): void {
  const [answer] = owner.answers.splice(world.chance(0.2) ? world.below(owner.answers.length) : 0, 1)
  if (answer) tell(world, owner, answer)
}

export function readLane(world: World, owner: Owner): void {
  const page = world.lane.filter(record => record.position >= owner.readTo).slice(0, 1 + world.below(8))
  const last = page.at(-1)
  const next = last ? offset(last.position + 1n) : world.laneEnd
  owner.readTo = next
  const fence = page.some(one => one.kind === 'fence' && one.tenure === world.tenureOf(owner.number))
  // What it takes over waits no longer than any handler wants, by its own clock; copies tell the next owner so.
  if (fence) for (const wanted of world.wanted.values()) wanted.push(world.clockOf(owner) + MAX_WAIT_MS)
  tell(world, owner, { kind: 'read', records: page, next })
}

export function askInbox(world: World, owner: Owner, check: Check): void {
  owner.checks = owner.checks.filter(one => one !== check)
  if (world.tx && world.lease !== owner.number) {
    owner.over = true
    return
  }
  const away = !world.healed && world.chance(0.2)
  const applied = away ? undefined : world.tx && world.inbox.has(world.proof(check.event.origin))
  tell(world, owner, { kind: 'checked', ref: check.ref, applied })
}

export function lookUp(world: World, owner: Owner, lookUp: LookUp): void {
  owner.lookUps = owner.lookUps.filter(one => one !== lookUp)
  const isOld = lookUp.generation !== world.generationOf(lookUp.origin)
  const state = isOld ? undefined : world.letters.get(lookUp.origin)
  const letter = state && { ...state, key: world.record(lookUp.origin).key }
  tell(world, owner, { kind: 'looked-up', ref: lookUp.ref, letter })
}

export function deliver(world: World, owner: Owner): void {
  const record = world.main[owner.next++]
  if (!record) return
  const next = world.main[owner.next]?.offset ?? world.end
  const { to } = owner.range ?? { to: next }
  owner.mark.delivered(record.offset, next < to ? next : to)
  tell(world, owner, { kind: 'delivered', offset: record.offset, key: record.key, tenant: undefined })
}
