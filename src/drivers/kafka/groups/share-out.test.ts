import { describe, expect, it } from 'vitest'
import { shareOut, type Applicant, type Round } from './share-out.ts'
import type { Holding, Subscription } from './shares.ts'

const NOW = 1_700_000_000_000
const BASE = BigInt(NOW) * (1n << 20n)
const hold = (partition: number, epoch: bigint, release = false): Holding => ({
  topic: 't',
  partition,
  epoch,
  release,
})

function member(id: string, given: Partial<Subscription> = {}): Applicant {
  return {
    id,
    subscription: {
      name: id,
      topics: ['t'],
      leaving: false,
      generation: 1,
      base: BASE,
      holds: [],
      ...given,
    },
  }
}

function round(applicants: readonly Applicant[], given: Partial<Round> = {}): Map<string, string[]> {
  const shares = shareOut({ generation: 2, applicants, partitions: new Map([['t', 4]]), now: NOW, ...given })
  return new Map(
    [...shares].map(([id, { holds }]) => [
      id,
      holds.map(
        ({ partition, epoch, release }) => `${partition}@${epoch - BASE}${release ? ' release' : ''}`,
      ),
    ]),
  )
}

describe('sharing out', () => {
  it('leaves with its owner what another is to have, to be released first', () => {
    const all = [0, 1, 2, 3].map(partition => hold(partition, BASE + 1n))
    expect(round([member('a', { holds: all }), member('b')])).toEqual(
      new Map([
        ['a', ['0@1', '1@1', '2@1 release', '3@1 release']],
        ['b', []],
      ]),
    )
  })

  it('gives what was given back under the epoch of the round', () => {
    const holds = [0, 1].map(partition => hold(partition, BASE + 1n))
    expect(round([member('a', { holds }), member('b')])).toEqual(
      new Map([
        ['a', ['0@1', '1@1']],
        ['b', ['2@2', '3@2']],
      ]),
    )
  })

  it('believes of two that say they have a partition the one with the higher epoch', () => {
    const stale = member('a', { holds: [hold(0, BASE + 1n)] })
    const owner = member('b', { holds: [hold(0, BASE + 2n), hold(1, BASE + 2n)] })
    for (const applicants of [
      [stale, owner],
      [owner, stale],
    ]) {
      const shares = round(applicants, { generation: 3, partitions: new Map([['t', 2]]) })
      expect(shares.get('a')).toEqual([])
      expect(shares.get('b')?.map(one => one.split(' ')[0])).toEqual(['0@2', '1@2'])
    }
  })

  it('never takes a release back, and gives nothing to a member that leaves', () => {
    const shares = round([member('a', { holds: [hold(0, BASE + 1n, true)] }), member('b', { leaving: true })])
    expect(shares.get('a')).toEqual(['0@1 release', '1@2', '2@2', '3@2'])
    expect(shares.get('b')).toEqual([])
  })

  it('has a partition released of a topic that nobody reads any more', () => {
    const shares = round([member('a', { topics: [], holds: [hold(0, BASE + 1n)] })])
    expect(shares.get('a')).toEqual(['0@1 release'])
  })

  it('begins epochs at the time when nobody remembers any, and above those known when the broker counts anew', () => {
    const fresh = shareOut({
      generation: 1,
      applicants: [member('a', { base: undefined, generation: -1 })],
      partitions: new Map([['t', 1]]),
      now: NOW,
    })
    expect(fresh.get('a')?.holds[0]?.epoch).toBe(BASE + 1n)
    for (const now of [NOW, NOW - 3_600_000, NOW + 1_000]) {
      const again = shareOut({
        generation: 1,
        applicants: [member('a', { generation: 700 })],
        partitions: new Map([['t', 1]]),
        now,
      })
      expect(again.get('a')?.holds[0]?.epoch).toBeGreaterThan(BASE + 700n)
    }
  })
})
