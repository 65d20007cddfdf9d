import { offset, type Offset } from '../../../src/event/index.ts'
import type { Request } from '../../../src/recover/lane/lane-record.ts'
import type { LetterState } from '../../../src/recover/letter-state.ts'
import type { World } from './world.ts'

// People: they decide about letters, by requests in the lane, often twice.

export function operate(world: World): void {
  const died = [...world.letters].filter(([, letter]) => letter.status === 'died')
  const discarded = [...world.letters].filter(([, letter]) => letter.status === 'discarded')
  if (discarded.length > 0 && world.chance(0.2)) {
    const [origin, letter] = world.pick(discarded)
    ask(world, 'restore', origin, letter.version)
    return
  }
  if (died.length === 0 && world.chance(0.7)) return
  if (died.length === 0 || world.chance(0.1)) {
    const { offset } = world.pick(world.main)
    ask(world, world.pick(['cancel', 'run-now']), offset, 0)
    return
  }
  const [origin, letter] = world.pick(died)
  if (world.chance(0.1)) {
    edit(world, origin, letter)
    return
  }
  ask(world, letterAction(world), origin, letter.version)
}

/** Not through the lane: an operator's own append, on the version that was seen. */
function edit(world: World, origin: Offset, letter: LetterState): void {
  if (isReleaseWished(world, origin, letter)) world.letGo.add(origin)
  const after = world.subject.letterAfter(letter, { kind: 'edited', version: letter.version })
  if (after) world.letters.set(origin, after)
  world.count('edit')
  world.say('EDIT', Number(origin), after)
}

function letterAction(world: World): Request['action'] {
  const actions = world.hold ? (['replay', 'release', 'discard'] as const) : (['replay', 'discard'] as const)
  return world.chance(0.7) ? 'replay' : world.pick(actions)
}

/** Often twice: the same request, as when an append is sent again, or another one, as from a second click. */
function ask(world: World, action: Request['action'], origin: Offset, letterVersion: number): void {
  const about = { action, generation: world.generationOf(origin), origin, letterVersion }
  const before = world.requests.find(
    one =>
      one.action === action &&
      one.generation === about.generation &&
      one.origin === origin &&
      one.letterVersion === letterVersion,
  )
  const id = before && world.chance(0.3) ? before.id : `q${world.requestNumber++}`
  const twice = world.chance(0.3)
  const ids = twice ? [id, world.chance(0.5) ? id : `q${world.requestNumber++}`] : [id]
  for (const [i, one] of ids.entries()) {
    const position = world.laneEnd
    const request: Request = {
      ...about,
      kind: 'request',
      id: one,
      // Two people may want different things.
      action: i > 0 && one !== id && letterVersion > 0 ? letterAction(world) : action,
      by: 'me',
      reason: 'test',
    }
    world.laneEnd = offset(position + 1n)
    world.lane.push({ ...request, position })
    world.requests.push({ ...request, position })
    if (request.action === 'release' || request.action === 'restore') world.everReleased.add(origin)
    if (request.action === 'run-now') world.hurried.add(origin)
    world.count(request.action)
    world.say('OPERATOR', Number(position), request)
  }
}

/** At the end somebody decides about every held key. */
export function releaseOne(world: World): boolean {
  const lane = world.owners.at(-1)?.lane
  const [held] = [...world.letters]
    .filter(([, letter]) => letter.status === 'died')
    .filter(([origin, letter]) => !world.released.has(origin) && letter.status === 'died')
  if (!held || !lane || lane.open === 0) return false
  world.released.add(held[0])
  ask(world, 'release', held[0], held[1].version)
  return true
}

export function isReleaseWished(world: World, origin: Offset, letter: LetterState): boolean {
  return world.requests.some(
    one => one.action === 'release' && one.origin === origin && one.letterVersion === letter.version,
  )
}
