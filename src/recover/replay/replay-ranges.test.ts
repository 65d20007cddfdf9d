import { beforeEach, describe, expect, it } from 'vitest'
import { memory } from '../../drivers/memory/index.ts'
import {
  offset,
  seededRandom,
  silentLogger,
  systemClock,
  type Clock,
  type Position,
} from '../../event/index.ts'
import type { Committed, Log } from '../../log/index.ts'
import { replayRanges, type ReplayRange } from './replay-ranges.ts'

const partitions = [0, 1, 2].map(partition => ({ topic: 't', partition }))
let now = 0
let log: Log

/** Ten records in each partition, appended at 1000, 1010, … 1090; the group has done eight, ten and none of them. */
beforeEach(async () => {
  const clock: Clock = { ...systemClock, now: () => now }
  ;({ log } = await memory().open({ clock, random: seededRandom(1), logger: silentLogger }))
  await log.topics.create('t', { partitions: 3 })
  for (let i = 0; i < 10; i++) {
    now = 1_000 + i * 10
    for (const { partition } of partitions) await log.append('t', [{ value: null, headers: {}, partition }])
  }
})

const committed: readonly Committed[] = [
  { topic: 't', partition: 0, offset: offset(8), note: undefined },
  { topic: 't', partition: 1, offset: offset(10), note: undefined },
]

const at = (place: number, partition = 0): Position => ({ topic: 't', partition, offset: offset(place) })

async function ranges(wanted: ReplayRange): Promise<string[]> {
  const found = await replayRanges(log, { name: 'g', partitions }, committed, wanted)
  return found.map(({ partition, from, to }) => `${partition}: ${from}-${to}`)
}

describe('the ranges of a replay', () => {
  it.each<[string, ReplayRange, string[]]>([
    ['from the first kept event to where the group is', { from: 'earliest' }, ['0: 0-8', '1: 0-10']],
    ['from a time', { from: new Date(1_075) }, ['1: 8-10']],
    ['between two times', { from: new Date(1_020), to: new Date(1_050) }, ['0: 2-5', '1: 2-5']],
    ['from a position, in its partition', { from: at(3) }, ['0: 3-8']],
    ['between two positions', { from: at(3), to: at(6) }, ['0: 3-6']],
    ['of what the group has still to do, nothing', { from: at(8), to: at(10) }, []],
    ['of the future, nothing', { from: new Date(5_000) }, []],
  ])('%s', async (_, wanted, expected) => {
    expect(await ranges(wanted)).toEqual(expected)
  })

  it('begin where the log begins, when retention has taken what came before', async () => {
    await log.topics.create('t', { partitions: 3, retentionBytes: 1 })
    await (log as Partial<{ enforceRetention(signal: AbortSignal): Promise<unknown> }>).enforceRetention?.(
      new AbortController().signal,
    )
    const { start } = await log.bounds({ topic: 't', partition: 1 })
    expect(start, 'something was deleted').toBeGreaterThan(0n)
    expect(await ranges({ from: at(0, 1) })).toEqual(start < 10n ? [`1: ${start}-10`] : [])
  })

  it.each<[string, ReplayRange, RegExp]>([
    ['times in the wrong order', { from: new Date(20), to: new Date(10) }, /must lie before/],
    ['a time that is none', { from: new Date(NaN) }, /from is no valid time/],
    ['a partition that is not the group’s', { from: at(0, 7) }, /t\/7, which is no partition/],
    ['an end in another partition', { from: at(0), to: at(5, 1) }, /only in the partition that from names/],
    [
      'an end without a partition to be in',
      { from: 'earliest', to: at(5) },
      /only in the partition that from names/,
    ],
    ['positions in the wrong order', { from: at(5), to: at(5) }, /must lie below/],
  ])('refuse %s', async (_, wanted, message) => {
    await expect(ranges(wanted)).rejects.toThrow(message)
  })
})
