import { describe, expect, it } from 'vitest'
import { batchBytes, decompress } from '../../../test/support/kafka-bytes.ts'
import { systemClock, type Clock } from '../../event/index.ts'
import type { Fetched } from './fetch-answer.ts'
import { KeptBatches, type Place } from './kept-batches.ts'
import { batchesIn } from './record-batch.ts'

const place: Place = { topicId: 'a', partition: 0, leader: 'b1:9092' }
/** Longer than a word of a broker counts. */
const LONG_MS = 2_001

class World {
  now = 0
  readonly clock: Clock = { ...systemClock, monotonic: () => this.now }
  readonly kept: KeptBatches

  constructor(maxBytes?: number) {
    this.kept = new KeptBatches(this.clock, maxBytes)
  }

  /** Which batches answer a reader at an offset. */
  at(from: bigint, of: Place = place): readonly bigint[] | undefined {
    return this.kept.at(of, from)?.batches.map(({ first }) => first)
  }
}

/** What a fetch brings: a batch of ten records at each of these offsets. */
function fetched(firsts: readonly bigint[], of: Partial<Fetched> = {}): Fetched {
  const deltas = Array.from({ length: 10 }, (_, i) => i)
  const bytes = Buffer.concat(firsts.map(first => batchBytes(first, deltas)))
  const batches = batchesIn(bytes, decompress)
  return { batches, next: batches.at(-1)?.next, logStart: 0n, end: 1_000n, ...of }
}

const nothing: Fetched = { batches: [], next: undefined, logStart: 0n, end: 1_000n }

describe('batches that were fetched', () => {
  it('answer every offset within them, and no other', () => {
    const world = new World()
    world.kept.put(place, 15n, fetched([10n, 20n]))
    expect([9n, 10n, 15n, 29n, 30n].map(at => world.at(at)?.length)).toEqual([undefined, 2, 2, 2, undefined])
    expect(world.kept.at(place, 12n)).toMatchObject({ next: 30n, end: 1_000n })
    for (const other of [{ partition: 1 }, { topicId: 'b' }, { leader: 'b2:9092' }])
      expect(world.at(12n, { ...place, ...other })).toBeUndefined()
  })

  it('answer that there is nothing between two of them, and in front of the first', () => {
    const world = new World()
    world.kept.put(place, 5n, fetched([10n, 40n]))
    expect(world.at(5n)).toEqual([10n, 40n])
    expect(world.at(30n)).toEqual([10n, 40n])
    expect(world.at(4n)).toBeUndefined()
  })

  it('are found among many, whatever order they came in, and what came last counts', () => {
    const world = new World()
    for (const first of [50n, 10n, 90n, 30n, 70n]) world.kept.put(place, first, fetched([first]))
    expect([10n, 39n, 55n, 79n, 99n].map(at => world.at(at))).toEqual([[10n], [30n], [50n], [70n], [90n]])
    expect([20n, 49n, 60n].map(at => world.at(at))).toEqual([undefined, undefined, undefined])
    world.kept.put(place, 35n, fetched([35n, 45n]))
    expect([34n, 36n, 54n, 55n].map(at => world.at(at))).toEqual([
      undefined,
      [35n, 45n],
      [35n, 45n],
      undefined,
    ])
  })

  it('are answered as long as fetches of the partition go on, and never again after a break', () => {
    const world = new World()
    world.kept.put(place, 10n, fetched([10n]))
    for (let i = 0; i < 10; i++) {
      world.now += LONG_MS - 1
      world.kept.put(place, 30n, nothing)
      expect(world.at(10n)).toEqual([10n])
    }
    world.now += LONG_MS
    expect(world.at(10n)).toBeUndefined()
    world.kept.put(place, 30n, nothing)
    expect(world.at(10n)).toBeUndefined()
  })

  it('are not answered below the start of the partition, whoever deleted', () => {
    const world = new World()
    world.kept.put(place, 10n, fetched([10n, 20n]))
    world.kept.put(place, 30n, { ...nothing, logStart: 15n })
    expect([14n, 15n].map(at => world.at(at)?.length)).toEqual([undefined, 2])
    world.kept.startsAt(place, 25n)
    // Was under way when that was deleted.
    world.kept.put(place, 12n, fetched([10n, 20n], { logStart: 15n }))
    expect([15n, 24n, 25n].map(at => world.at(at)?.length)).toEqual([undefined, undefined, 2])
  })

  it('are gone with the leader that sent them, and above an end that is lower than they are', () => {
    const world = new World()
    world.kept.put(place, 10n, fetched([10n]))
    world.kept.put(place, 40n, fetched([40n]))
    world.kept.put(place, 0n, { ...nothing, end: 45n })
    expect([10n, 40n].map(at => world.at(at))).toEqual([[10n], undefined])
    const moved = { ...place, leader: 'b2:9092' }
    world.kept.put(moved, 30n, nothing)
    expect([world.at(10n), world.at(10n, moved)]).toEqual([undefined, undefined])
  })

  it('go on where others ended: what a reader at the end fetched one by one is answered as one', () => {
    const world = new World()
    for (const first of [10n, 20n, 30n]) world.kept.put(place, first, fetched([first]))
    expect(world.at(15n)).toEqual([10n, 20n, 30n])
    world.kept.put(place, 50n, fetched([50n]))
    expect([39n, 45n, 50n].map(at => world.at(at)?.length)).toEqual([3, undefined, 1])
  })

  it('are bound by bytes over all partitions, and the oldest go first', () => {
    const [batch] = fetched([0n]).batches
    const world = new World(3 * ((batch?.bytes ?? 0) + 1_000))
    const places = [0, 1, 2, 3].map(partition => ({ ...place, partition }))
    for (const of of places) world.kept.put(of, 0n, fetched([0n]))
    expect(places.map(of => world.at(0n, of)?.length)).toEqual([undefined, 1, 1, 1])
  })
})
