import { expect } from 'vitest'
import { offset, type Offset } from '../../../event/index.ts'
import type { OwnedPartition } from '../../port.ts'
import type { LogPromise } from '../harness.ts'
import type { TestMember } from '../test-member.ts'
import { refused, storedAt, type World } from '../world.ts'

/** A topic of one partition with records, and a member that owns it. */
async function owner(world: World): Promise<{
  readonly topic: string
  readonly offsets: readonly Offset[]
  readonly member: TestMember
  readonly owned: OwnedPartition
}> {
  const topic = await world.topic(1)
  const offsets = (await world.append(topic, 'a', 'b', 'c', 'd')).map(storedAt)
  const member = await world.member('a').join('g', topic)
  await member.owns(1)
  return { topic, offsets, member, owned: member.at(`${topic}/0`) }
}

export const positionPromises: readonly LogPromise[] = [
  {
    promise: 'gives back positions with their notes, and leaves out partitions without one',
    async keeps(world) {
      const topic = await world.topic(3)
      for (const partition of [0, 1, 2]) await world.append(topic, { partition })
      const a = await world.member('a').join('g', topic)
      await a.owns(3)
      const one = offset(1)
      expect(await world.groups.committed('g')).toEqual([])
      await world.groups.commit('g', [
        { ...a.at(`${topic}/0`), offset: one, note: 'größe 🙂' },
        { ...a.at(`${topic}/2`), offset: one },
      ])
      const committed = await world.groups.committed('g')
      expect(committed.toSorted((x, y) => x.partition - y.partition)).toEqual([
        { topic, partition: 0, offset: one, note: 'größe 🙂' },
        { topic, partition: 2, offset: one, note: undefined },
      ])
    },
  },
  {
    promise: 'replaces the note with every commit',
    async keeps(world) {
      const { owned, offsets } = await owner(world)
      const at = offsets[1] ?? offset(0)
      for (const note of ['first', 'second', undefined]) {
        await world.groups.commit('g', [{ ...owned, offset: at, note }])
        expect(await world.groups.committed('g')).toMatchObject([{ offset: at, note }])
      }
    },
  },
  {
    promise:
      'hazard 35: refuses a commit under another epoch, tells the current one and its owner, and moves nothing',
    async keeps(world) {
      const { topic, owned, offsets, member } = await owner(world)
      await world.groups.commit('g', [{ ...owned, offset: offsets[1] ?? offset(0), note: 'mine' }])
      const b = await world.member('b').join('g', topic)
      await member.membership.leave()
      await b.owns(1)
      const { epoch } = b.at(`${topic}/0`)
      for (const wrong of [owned.epoch, epoch + 1n]) {
        const late = { ...owned, epoch: wrong, offset: offsets[3] ?? offset(0), note: 'late' }
        expect(await world.groups.commit('g', [late])).toEqual([{ kind: 'stale', epoch, owner: 'b' }])
      }
      expect(await world.groups.committed('g')).toMatchObject([{ offset: offsets[1], note: 'mine' }])
    },
  },
  {
    promise: 'refuses a commit for a partition that was given back, though nobody has taken it yet',
    async keeps(world) {
      const { owned, offsets, member } = await owner(world)
      await member.membership.leave()
      const outcomes = await world.groups.commit('g', [{ ...owned, offset: offsets[1] ?? offset(0) }])
      expect(outcomes).toMatchObject([{ kind: 'stale', owner: undefined }])
      expect(await world.groups.committed('g')).toEqual([])
    },
  },
  {
    promise: 'answers each commit of a call by itself: a stale one does not hold back the others',
    async keeps(world) {
      const topic = await world.topic(3)
      for (const partition of [0, 1, 2]) await world.append(topic, { partition })
      const a = await world.member('a').join('g', topic)
      await a.owns(3)
      const commits = [0, 1, 2].map(p => ({ ...a.at(`${topic}/${p}`), offset: offset(1) }))
      const outcomes = await world.groups.commit(
        'g',
        commits.map((commit, p) => (p === 1 ? { ...commit, epoch: commit.epoch - 1n } : commit)),
      )
      expect(outcomes.map(({ kind }) => kind)).toEqual(['committed', 'stale', 'committed'])
      const committed = await world.groups.committed('g')
      expect(new Set(committed.map(({ partition }) => partition))).toEqual(new Set([0, 2]))
    },
  },
  {
    promise: 'hazard 38: never moves a position back within an epoch',
    async keeps(world) {
      const { owned, offsets } = await owner(world)
      const [, , two = offset(0)] = offsets
      await world.groups.commit('g', [{ ...owned, offset: two }])
      await refused(world.groups.commit('g', [{ ...owned, offset: offset(two - 1n) }]), 'INTERNAL')
      expect(await world.groups.commit('g', [{ ...owned, offset: two, note: 'again' }])).toEqual([
        { kind: 'committed' },
      ])
      expect(await world.groups.committed('g')).toMatchObject([{ offset: two, note: 'again' }])
    },
  },
  {
    promise: 'hazard 23: refuses a position above the end of the log, storing nothing of the call',
    async keeps(world) {
      const { topic, owned, member } = await owner(world)
      const { end } = await world.log.bounds({ topic, partition: 0 })
      const above = { ...owned, offset: offset(end + 1n) }
      await refused(world.groups.commit('g', [{ ...owned, offset: end }, above]), 'OFFSET_OUT_OF_RANGE')
      expect(await world.groups.committed('g')).toEqual([])
      await member.membership.leave()
      await refused(world.groups.move('g', [above]), 'OFFSET_OUT_OF_RANGE')
      expect(await world.groups.committed('g')).toEqual([])
    },
  },
  {
    promise: 'takes notes of 4 KiB and refuses longer ones',
    async keeps(world) {
      const { owned, offsets } = await owner(world)
      const at = offsets[1] ?? offset(0)
      const note = 'ß'.repeat(2_048)
      await world.groups.commit('g', [{ ...owned, offset: at, note }])
      await refused(world.groups.commit('g', [{ ...owned, offset: at, note: `${note}.` }]), 'INTERNAL')
      expect(await world.groups.committed('g')).toMatchObject([{ note }])
    },
  },
  {
    promise: 'hazard 24: keeps positions of a group without members, and gives none to one that has none',
    async keeps(world) {
      const { topic, owned, offsets, member } = await owner(world)
      await world.groups.commit('g', [{ ...owned, offset: offsets[2] ?? offset(0) }])
      await member.membership.leave()
      world.clock.skip(30 * 86_400_000)
      world.clock.shiftWall(30 * 86_400_000)
      expect(await world.groups.committed('g')).toMatchObject([{ topic, offset: offsets[2] }])
      expect(await world.groups.committed('new')).toEqual([])
    },
  },
  {
    promise:
      'moves positions of a group whose partitions have no owner, keeping their notes, and refuses while they have one',
    async keeps(world) {
      const { topic, owned, offsets, member } = await owner(world)
      const [, one = offset(0), , three = offset(0)] = offsets
      await world.groups.commit('g', [{ ...owned, offset: three, note: 'note' }])
      await refused(world.groups.move('g', [{ topic, partition: 0, offset: one }]), 'GROUP_ACTIVE')
      expect(await world.groups.committed('g')).toMatchObject([{ offset: three }])
      await member.membership.leave()
      await world.groups.move('g', [{ topic, partition: 0, offset: one }])
      expect(await world.groups.committed('g')).toEqual([{ topic, partition: 0, offset: one, note: 'note' }])
      await refused(
        world.groups.move('g', [{ topic: 'topic-typo', partition: 0, offset: one }]),
        'LOG_TOPIC_UNKNOWN',
      )
    },
  },
  {
    promise: 'forgets a group that has no members, and refuses while it has; its epochs go on',
    async keeps(world) {
      const { topic, owned, offsets, member } = await owner(world)
      await world.groups.commit('g', [{ ...owned, offset: offsets[1] ?? offset(0) }])
      await refused(world.groups.delete('g'), 'GROUP_ACTIVE')
      expect(await world.groups.committed('g')).toHaveLength(1)
      await member.membership.leave()
      await world.groups.delete('g')
      expect(await world.groups.committed('g')).toEqual([])
      expect(await world.groups.list()).toEqual([])
      const b = await world.member('b').join('g', topic)
      await b.owns(1)
      expect(b.at(`${topic}/0`).epoch).toBeGreaterThan(owned.epoch)
    },
  },
  {
    promise: 'lists groups, and describes members, owners, epochs and positions',
    async keeps(world) {
      const { topic, owned, offsets } = await owner(world)
      await world.groups.commit('g', [{ ...owned, offset: offsets[1] ?? offset(0) }])
      await world.groups.move('other', [{ topic, partition: 0, offset: offsets[2] ?? offset(0) }])
      expect((await world.groups.list()).toSorted()).toEqual(['g', 'other'])
      expect(await world.groups.describe('g')).toEqual({
        group: 'g',
        members: ['a'],
        partitions: [{ topic, partition: 0, owner: 'a', epoch: owned.epoch, committed: offsets[1] }],
      })
      expect(await world.groups.describe('other')).toMatchObject({
        members: [],
        partitions: [{ owner: undefined, committed: offsets[2] }],
      })
      expect(await world.groups.describe('new')).toEqual({ group: 'new', members: [], partitions: [] })
    },
  },
]
