import { expect } from 'vitest'
import { offset } from '../../../event/index.ts'
import type { OwnedPartition } from '../../port.ts'
import type { LogPromise } from '../harness.ts'
import { refused, storedAt } from '../world.ts'

export const groupPromises: readonly LogPromise[] = [
  {
    promise: 'gives the only member every partition, after join has resolved',
    async keeps(world) {
      const topic = await world.topic(3)
      const a = await world.member('a').join('g', topic)
      await a.owns(3)
      expect([...a.owned.keys()].toSorted()).toEqual([0, 1, 2].map(p => `${topic}/${p}`))
      expect(a.events()[0]).toBe('joined')
      for (const { epoch } of a.owned.values()) expect(epoch).toBeGreaterThan(0n)
    },
  },
  {
    promise: 'shares partitions among members: each has one owner, none has two more than another',
    async keeps(world) {
      const topic = await world.topic(8)
      const members = await Promise.all(['a', 'b', 'c'].map(name => world.member(name).join('g', topic)))
      await world.until(
        () =>
          members.reduce((sum, { owned }) => sum + owned.size, 0) === 8 &&
          members.every(({ owned }) => owned.size === 2 || owned.size === 3),
        '8 partitions are shared among 3 members',
      )
      expect(new Set(members.flatMap(({ owned }) => [...owned.keys()])).size).toBe(8)
    },
  },
  {
    promise: 'hazard 34: hands a partition over only when its owner has drained it',
    async keeps(world) {
      const topic = await world.topic(2)
      const a = await world.member('a').join('g', topic)
      await a.owns(2)
      const drained = Promise.withResolvers<void>()
      a.drain = () => drained.promise
      const b = await world.member('b').join('g', topic)
      await world.until(() => world.journal.some(line => line.startsWith('a revoking')), 'a is asked')
      await world.beats(5)
      expect(b.owned.size).toBe(0)
      drained.resolve()
      await b.owns(1)
      const [moved] = b.owned.keys()
      expect(world.journal.indexOf(`a released ${moved}`)).toBeGreaterThan(0)
      expect(world.journal.indexOf(`a released ${moved}`)).toBeLessThan(
        world.journal.indexOf(`b assigned ${moved}`),
      )
    },
  },
  {
    promise: 'lets a member commit what it drains, for as long as it drains',
    async keeps(world) {
      const topic = await world.topic(1)
      const at = storedAt((await world.append(topic, 'x'))[0])
      const a = await world.member('a').join('g', topic)
      await a.owns(1)
      const outcomes: unknown[] = []
      a.drain = async ([owned]) => {
        if (owned) outcomes.push(...(await world.groups.commit('g', [{ ...owned, offset: at }])))
      }
      const b = await world.member('b').join('g', topic)
      await a.membership.leave()
      await b.owns(1)
      expect(outcomes).toEqual([{ kind: 'committed' }])
      expect(await world.groups.committed('g')).toMatchObject([{ topic, partition: 0, offset: at }])
    },
  },
  {
    promise: 'hazard 34: leaves kept partitions alone while others move',
    async keeps(world) {
      const topic = await world.topic(4)
      const a = await world.member('a').join('g', topic)
      await a.owns(4)
      const before = new Map(a.owned)
      const b = await world.member('b').join('g', topic)
      await b.owns(2)
      await a.owns(2)
      for (const [id, owned] of a.owned) {
        expect(owned).toEqual(before.get(id))
        expect(a.events().filter(event => event.endsWith(` ${id}`))).toEqual([`assigned ${id}`])
        expect(await world.groups.commit('g', [{ ...owned, offset: offset(0) }])).toEqual([
          { kind: 'committed' },
        ])
        expect(await a.membership.confirm(owned)).toBe(true)
      }
    },
  },
  {
    promise: 'raises the epoch at every change of owner',
    async keeps(world) {
      const topic = await world.topic(1)
      let last = 0n
      for (const name of ['a', 'b', 'a', 'c']) {
        const member = await world.member(name).join('g', topic)
        await member.owns(1)
        const { epoch } = member.at(`${topic}/0`)
        expect(epoch).toBeGreaterThan(last)
        last = epoch
        await member.membership.leave()
      }
    },
  },
  {
    promise: 'drains a member that leaves, then gives what it had to the others',
    async keeps(world) {
      const topic = await world.topic(4)
      const a = await world.member('a').join('g', topic)
      const b = await world.member('b').join('g', topic)
      await a.owns(2)
      await b.owns(2)
      const hadA = [...a.owned.keys()]
      const drained = Promise.withResolvers<void>()
      a.drain = () => drained.promise
      const leaving = a.membership.leave().then(() => world.journal.push('a left'))
      await world.until(() => world.journal.some(line => line.startsWith('a revoking')), 'a is asked')
      await world.beats(3)
      expect(world.journal).not.toContain('a left')
      drained.resolve()
      await world.within(leaving, 'a leaves')
      await world.within(a.membership.leave(), 'a leaves again')
      await b.owns(4)
      for (const id of hadA) {
        expect(a.events()).toContain(`released ${id}`)
        expect(a.events()).not.toContain(`lost ${id}`)
      }
      expect((await world.groups.describe('g')).members).toEqual(['b'])
    },
  },
  {
    promise: 'gives away what a member does not drain in time, and tells it that it is lost',
    settings: { revokeTimeoutMs: 200 },
    async keeps(world) {
      const topic = await world.topic(2)
      const a = await world.member('a').join('g', topic)
      await a.owns(2)
      const before = [...a.owned.values()]
      a.drain = () => new Promise(() => {})
      const b = await world.member('b').join('g', topic)
      await b.owns(1)
      await world.until(() => world.journal.some(line => line.startsWith('a lost')), 'a is told')
      const [moved] = b.owned.values()
      const old = before.find(({ partition }) => partition === moved?.partition)
      expect(moved?.epoch).toBeGreaterThan(old?.epoch ?? 0n)
      expect(a.owned.size).toBe(1)
    },
  },
  {
    promise: 'confirms an owner, and nobody else',
    settings: { revokeTimeoutMs: 200 },
    async keeps(world) {
      const topic = await world.topic(1)
      const a = await world.member('a').join('g', topic)
      await a.owns(1)
      const owned = a.at(`${topic}/0`)
      const another: OwnedPartition = { ...owned, epoch: owned.epoch + 1n }
      expect(await a.membership.confirm(owned)).toBe(true)
      expect(await a.membership.confirm(another)).toBe(false)
      const b = await world.member('b').join('g', topic)
      expect(await b.membership.confirm(owned)).toBe(false)
      a.drain = () => new Promise(() => {})
      void a.membership.leave()
      await b.owns(1)
      expect(await a.membership.confirm(owned)).toBe(false)
      expect(await b.membership.confirm(b.at(`${topic}/0`))).toBe(true)
    },
  },
  {
    promise: 'gives a member only partitions of the topics that it reads',
    async keeps(world) {
      const x = await world.topic(4)
      const y = await world.topic(1)
      const a = await world.member('a').join('g', x)
      const b = await world.member('b').join('g', y)
      await a.owns(4)
      await b.owns(1)
      expect([...a.owned.values()].map(({ topic }) => topic)).toEqual([x, x, x, x])
      expect([...b.owned.keys()]).toEqual([`${y}/0`])
    },
  },
  {
    promise: 'gives partitions that are added later to a member',
    async keeps(world) {
      const topic = await world.topic(1)
      const a = await world.member('a').join('g', topic)
      await a.owns(1)
      await world.log.topics.create(topic, { partitions: 3 })
      await a.owns(3)
      expect(a.events().filter(event => event.startsWith('revoking') || event.startsWith('lost'))).toEqual([])
    },
  },
  {
    promise: 'keeps groups apart: each has its own owners and its own positions',
    async keeps(world) {
      const topic = await world.topic(2)
      const at = storedAt((await world.append(topic, 'x'))[0])
      const a = await world.member('a').join('g1', topic)
      const b = await world.member('b').join('g2', topic)
      await a.owns(2)
      await b.owns(2)
      await world.groups.commit('g1', [{ ...a.at(`${topic}/0`), offset: at }])
      expect(await world.groups.committed('g1')).toHaveLength(1)
      expect(await world.groups.committed('g2')).toEqual([])
      await a.membership.leave()
      expect(b.owned.size).toBe(2)
    },
  },
  {
    promise: 'hazard 33: gives the partitions of a process that died to another, from the committed position',
    async keeps(world) {
      const topic = await world.topic(1)
      const offsets = (await world.append(topic, 'done', 'running', 'waiting')).map(storedAt)
      const [, one = offset(0), two = offset(0)] = offsets
      const a = await world.member('a').join('g', topic)
      await a.owns(1)
      const old = a.at(`${topic}/0`)
      await world.groups.commit('g', [{ ...old, offset: one, note: 'note' }])
      await world.crashAndReopen()
      const b = await world.member('b').join('g', topic)
      await b.owns(1)
      expect(b.at(`${topic}/0`).epoch).toBeGreaterThan(old.epoch)
      const [committed] = await world.groups.committed('g')
      expect(committed).toEqual({ topic, partition: 0, offset: one, note: 'note' })
      const { records } = await world.read({ topic, partition: 0 }, committed?.offset ?? 0n)
      expect(records.map(({ offset }) => offset)).toEqual(offsets.slice(1))
      expect(await world.groups.commit('g', [{ ...old, offset: two }])).toMatchObject([
        { kind: 'stale', owner: 'b' },
      ])
    },
  },
  {
    promise: 'refuses to join for a topic that is not there, and leaves no member behind',
    async keeps(world) {
      const topic = await world.topic()
      await refused(world.groups.join('g', [topic, 'topic-typo'], world.member('a')), 'LOG_TOPIC_UNKNOWN')
      expect(await world.groups.list()).toEqual([])
    },
  },
]
