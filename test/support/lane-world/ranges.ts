import { offset, type Offset } from '../../../src/event/index.ts'
import type { Owner, Range, World } from './world.ts'

// Ranges that are run again: one is wished, opened when nobody is at work, and closed in the same way.

export function wishAgain(world: World): void {
  if (world.ranges.some(range => !range.isOver)) {
    world.cancelled ||= world.chance(0.2)
    return
  }
  const done = world.main.filter(record => record.offset < world.committed.main)
  if (world.wish || world.ranges.length >= 3 || done.length === 0) return
  const first = world.below(done.length)
  const last = first + world.below(done.length - first)
  const from = done[first]?.offset ?? offset(0)
  const to = offset((done[last]?.offset ?? 0n) + 1n)
  world.wish = { from, to }
  world.say('AGAIN', world.wish)
}

export function wantsTurn(world: World, { range, turning, leaving }: Owner): boolean {
  if (turning || leaving) return false
  return range ? range.position >= range.to || world.cancelled : world.wish !== undefined
}

export function openRange(world: World): void {
  if (!world.wish) return
  const { from, to } = world.wish
  world.wish = undefined
  const isIn = (at: Offset): boolean => at >= from && at < to
  const generation = world.ranges.length + 1
  world.ranges.push({ generation, from, to, position: from, isOver: false })
  world.say('RESET', world.ranges.at(-1))
  world.count('reprocess')
  world.done = world.done.filter(one => !isIn(one.offset))
  world.inOrderFrom = world.done.length
  // Closed as superseded, and of no account from here on: letters of the new generation are others.
  for (const [at, letter] of world.letters) {
    if (!isIn(at)) continue
    if (letter.status !== 'resolved') world.count('superseded a letter')
    world.letters.delete(at)
  }
  for (const set of [world.skipped, world.released, world.everReleased, world.letGo])
    for (const at of set) if (isIn(at)) set.delete(at)
  for (const at of world.begun.keys()) if (isIn(at)) world.begun.delete(at)
}

export function closeRange(world: World, range: Range): void {
  world.say('OVER', range)
  world.count(range.position < range.to ? 'reprocess cancelled' : 'reprocess done')
  range.isOver = true
  world.cancelled = false
}
