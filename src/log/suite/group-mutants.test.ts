import { describe } from 'vitest'
import { memory } from '../../drivers/memory/index.ts'
import { offset, partitionId, sleep } from '../../event/index.ts'
import type {
  Commit,
  CommitOutcome,
  Groups,
  LogEnvironment,
  LogSystem,
  Member,
  OwnedPartition,
} from '../port.ts'
import { logPromises } from './describe-log.ts'
import { describeMutants, type Mutant } from './describe-mutants.ts'
import type { MakeLog, SuiteSettings } from './harness.ts'

interface Parts {
  readonly groups: Groups
  readonly system: LogSystem
  readonly env: LogEnvironment
}

/** The memory log with some methods of its groups replaced. */
function mutant(change: (parts: Parts) => Partial<Groups>, settings: Partial<SuiteSettings> = {}): MakeLog {
  return async given => {
    const { maxRecordBytes, ...leases } = { ...given, ...settings }
    const driver = memory({ maxRecordBytes, leases })
    const open = async (env: LogEnvironment): Promise<LogSystem> => {
      const system = await driver.open(env)
      return { ...system, groups: { ...system.groups, ...change({ groups: system.groups, system, env }) } }
    }
    return { driver: { ...driver, open } }
  }
}

/** Members that are told something else than what happens. */
const telling = (change: (member: Member, env: LogEnvironment) => Partial<Member>): MakeLog =>
  mutant(({ groups, env }) => ({
    join: (group, topics, member) =>
      groups.join(group, topics, {
        name: member.name,
        assigned: owned => member.assigned(owned),
        revoking: partitions => member.revoking(partitions),
        lost: partitions => member.lost(partitions),
        ...change(member, env),
      }),
  }))

const committing = (
  change: (commits: readonly Commit[], parts: Parts, group: string) => Promise<readonly CommitOutcome[]>,
): MakeLog => mutant(parts => ({ commit: (group, commits) => change(commits, parts, group) }))

const committed = { kind: 'committed' } as const

const memberMutants: readonly Mutant[] = [
  {
    fault: 'tells a member of partitions before its join has resolved',
    breaks: ['gives the only member'],
    log: mutant(({ groups, env }) => ({
      async join(group, topics, member) {
        const membership = await groups.join(group, topics, member)
        await sleep(env.clock, 50)
        return membership
      },
    })),
  },
  {
    fault: 'gives every member everything',
    breaks: ['shares partitions', 'hazard 34: hands'],
    log: mutant(({ groups }) => {
      let members = 0
      return { join: (group, topics, member) => groups.join(`${group}.${++members}`, topics, member) }
    }),
  },
  {
    fault: 'gives nothing to a second member',
    breaks: ['shares partitions', 'hazard 34: hands', 'hazard 34: leaves kept'],
    log: mutant(({ groups }) => {
      let members = 0
      return { join: (group, topics, member) => groups.join(group, members++ === 0 ? topics : [], member) }
    }),
  },
  {
    fault: 'hands over without waiting for the drain',
    breaks: ['hazard 34: hands', 'drains a member that leaves', 'hazard 12'],
    log: telling(member => ({
      revoking: async partitions => void member.revoking(partitions).catch(() => {}),
    })),
  },
  {
    fault: 'tells that partitions are lost when they are asked for',
    breaks: ['drains a member that leaves', 'lets a member commit what it drains'],
    log: telling(member => ({ revoking: async partitions => member.lost(partitions) })),
  },
  {
    fault: 'takes kept partitions away and gives them again',
    breaks: ['hazard 34: leaves kept'],
    log: telling(member => {
      const owned = new Map<string, OwnedPartition>()
      return {
        assigned(partitions) {
          for (const tp of partitions) owned.set(partitionId(tp), tp)
          member.assigned(partitions)
        },
        async revoking(partitions) {
          for (const tp of partitions) owned.delete(partitionId(tp))
          member.lost([...owned.values()])
          await member.revoking(partitions)
          member.assigned([...owned.values()])
        },
      }
    }),
  },
  {
    fault: 'gives every owner the same epoch',
    breaks: ['raises the epoch', 'forgets a group that has no members'],
    log: telling(member => ({
      assigned: partitions => member.assigned(partitions.map(tp => ({ ...tp, epoch: 1n }))),
    })),
  },
  {
    fault: 'says that a member has left before it has drained',
    breaks: ['drains a member that leaves'],
    log: mutant(({ groups }) => ({
      async join(group, topics, member) {
        const membership = await groups.join(group, topics, member)
        return { ...membership, leave: async () => void membership.leave() }
      },
    })),
  },
  {
    fault: 'waits for a drain however long it takes',
    breaks: ['gives away what a member does not drain', 'confirms an owner'],
    log: mutant(() => ({}), { revokeTimeoutMs: 1e8 }),
  },
  {
    fault: 'does not tell what is lost',
    breaks: ['gives away what a member does not drain'],
    log: telling(() => ({ lost() {} })),
  },
  {
    fault: 'confirms whoever asks',
    breaks: ['confirms an owner'],
    log: mutant(({ groups }) => ({
      join: async (...given) => ({ ...(await groups.join(...given)), confirm: async () => true }),
    })),
  },
  {
    fault: 'confirms nobody',
    breaks: ['confirms an owner', 'hazard 34: leaves kept'],
    log: mutant(({ groups }) => ({
      join: async (...given) => ({ ...(await groups.join(...given)), confirm: async () => false }),
    })),
  },
  {
    fault: 'gives members partitions of topics that they do not read',
    breaks: ['gives a member only partitions'],
    log: mutant(({ groups, system }) => ({
      join: async (group, _, member) => groups.join(group, await system.log.topics.list(), member),
    })),
  },
  {
    fault: 'counts partitions only when somebody joins',
    breaks: ['gives partitions that are added'],
    log: mutant(({ groups, system }) => ({
      async join(group, topics, member) {
        const counts = new Map<string, number>()
        for (const topic of topics)
          counts.set(topic, (await system.log.topics.describe(topic))?.partitions ?? 0)
        return groups.join(group, topics, {
          name: member.name,
          assigned: owned => member.assigned(owned.filter(tp => tp.partition < (counts.get(tp.topic) ?? 0))),
          revoking: partitions => member.revoking(partitions),
          lost: partitions => member.lost(partitions),
        })
      },
    })),
  },
  {
    fault: 'has one set of positions for all groups',
    breaks: ['keeps groups apart'],
    log: mutant(({ groups }) => ({ committed: () => groups.committed('g1') })),
  },
  {
    fault: 'never takes a process for dead',
    breaks: ['hazard 33'],
    log: mutant(() => ({}), { sessionMs: 1e12 }),
  },
  {
    fault: 'commits everything that was delivered, done or not',
    breaks: ['hazard 33', 'replaces the note'],
    log: committing(async (commits, { groups, system }, group) => {
      const ahead = commits.map(async commit => ({
        ...commit,
        offset: (await system.log.bounds(commit)).end,
      }))
      return groups.commit(group, await Promise.all(ahead))
    }),
  },
  {
    fault: 'joins for topics that are not there',
    breaks: ['refuses to join'],
    log: mutant(({ groups, system }) => ({
      async join(group, topics, member) {
        const there = await system.log.topics.list()
        return groups.join(
          group,
          topics.filter(topic => there.includes(topic)),
          member,
        )
      },
    })),
  },
]

const positionMutants: readonly Mutant[] = [
  {
    fault: 'drops notes',
    breaks: ['gives back positions', 'replaces the note', 'hazard 33'],
    log: committing((commits, { groups }, group) =>
      groups.commit(
        group,
        commits.map(commit => ({ ...commit, note: undefined })),
      ),
    ),
  },
  {
    fault: 'keeps the note of before when a commit has none',
    breaks: ['replaces the note'],
    log: committing(async (commits, { groups }, group) => {
      const before = await groups.committed(group)
      return groups.commit(
        group,
        commits.map(commit => ({ ...commit, note: commit.note ?? before.find(() => true)?.note })),
      )
    }),
  },
  {
    fault: 'repeats a stale commit under the current epoch',
    breaks: ['hazard 35', 'hazard 33'],
    log: committing(async (commits, { groups }, group) => {
      const outcomes = await groups.commit(group, commits)
      const current = commits.map((commit, i) => {
        const outcome = outcomes[i]
        return outcome?.kind === 'stale' ? { ...commit, epoch: outcome.epoch } : commit
      })
      return groups.commit(group, current)
    }),
  },
  {
    fault: 'drops a stale commit and calls it committed',
    breaks: ['hazard 35', 'refuses a commit for a partition that was given back', 'answers each commit'],
    log: committing(async (commits, { groups }, group) =>
      (await groups.commit(group, commits)).map(() => committed),
    ),
  },
  {
    fault: 'takes commits of an owner that gave its partition back',
    breaks: ['refuses a commit for a partition that was given back'],
    log: committing(async (commits, { groups }, group) => {
      const outcomes = await groups.commit(group, commits)
      const orphaned = commits.filter((commit, i) => {
        const outcome = outcomes[i]
        return outcome?.kind === 'stale' && outcome.epoch === commit.epoch && !outcome.owner
      })
      await groups.move(group, orphaned)
      return outcomes
    }),
  },
  {
    fault: 'refuses commits of partitions that it asks back',
    breaks: ['lets a member commit what it drains', 'hazard 12'],
    log: mutant(({ groups }) => {
      const asked = new Set<string>()
      return {
        join: (group, topics, member) =>
          groups.join(group, topics, {
            name: member.name,
            assigned: owned => member.assigned(owned),
            revoking: async partitions => {
              for (const tp of partitions) asked.add(partitionId(tp))
              await member.revoking(partitions)
            },
            lost: partitions => member.lost(partitions),
          }),
        commit: async (group, commits) =>
          commits.some(commit => asked.has(partitionId(commit)))
            ? commits.map(({ epoch }) => ({ kind: 'stale', epoch, owner: undefined }))
            : groups.commit(group, commits),
      }
    }),
  },
  {
    fault: 'stops at the first stale commit of a call',
    breaks: ['answers each commit'],
    log: committing(async (commits, { groups }, group) => {
      const outcomes: CommitOutcome[] = []
      for (const commit of commits) {
        const last = outcomes.at(-1)
        outcomes.push(...(last?.kind === 'stale' ? [last] : await groups.commit(group, [commit])))
      }
      return outcomes
    }),
  },
  {
    fault: 'takes whatever position it is given',
    breaks: ['hazard 38', 'hazard 23', 'takes notes of 4 KiB'],
    log: committing((commits, { groups }, group) =>
      groups.commit(group, commits).catch(() => commits.map(() => committed)),
    ),
  },
  {
    fault: 'refuses to commit a position again',
    breaks: ['hazard 38', 'replaces the note'],
    log: committing(async (commits, { groups }, group) => {
      const before = await groups.committed(group)
      if (commits.some(commit => before.some(({ offset }) => offset === commit.offset)))
        throw new Error('again')
      return groups.commit(group, commits)
    }),
  },
  {
    fault: 'stores commits one by one',
    breaks: ['hazard 23'],
    log: committing(async (commits, { groups }, group) => {
      const outcomes: CommitOutcome[] = []
      for (const commit of commits) outcomes.push(...(await groups.commit(group, [commit])))
      return outcomes
    }),
  },
  {
    fault: 'cuts long notes',
    breaks: ['takes notes of 4 KiB'],
    log: committing((commits, { groups }, group) =>
      groups.commit(
        group,
        commits.map(commit => ({ ...commit, note: commit.note?.slice(0, 1_024) })),
      ),
    ),
  },
  {
    fault: 'forgets positions after a week',
    breaks: ['hazard 24'],
    log: mutant(({ groups, env }) => {
      const opened = env.clock.monotonic()
      return {
        committed: async group =>
          env.clock.monotonic() - opened > 7 * 86_400_000 ? [] : groups.committed(group),
      }
    }),
  },
  {
    fault: 'begins at the end when a group has no position',
    breaks: ['hazard 24', 'gives back positions'],
    log: mutant(({ groups }) => ({
      async committed(group) {
        const positions = await groups.committed(group)
        const invented = { topic: 'topic-1', partition: 0, offset: offset(0), note: undefined }
        return positions.length > 0 ? positions : [invented]
      },
    })),
  },
  {
    fault: 'moves and deletes under the members of a group',
    breaks: ['moves positions of a group', 'forgets a group that has no members'],
    log: mutant(({ groups }) => ({
      move: (group, positions) => groups.move(group, positions).catch(() => {}),
      delete: group => groups.delete(group).catch(() => {}),
    })),
  },
  {
    fault: 'moves a position without its note',
    breaks: ['moves positions of a group'],
    log: mutant(({ groups }) => ({
      async move(group, positions) {
        await groups.delete(group)
        await groups.move(group, positions)
      },
    })),
  },
  {
    fault: 'does not forget groups',
    breaks: ['forgets a group that has no members'],
    log: mutant(({ groups }) => ({
      async delete(group) {
        if ((await groups.describe(group)).members.length > 0) await groups.delete(group)
      },
    })),
  },
  {
    fault: 'sees only groups that have members',
    breaks: ['lists groups'],
    log: mutant(({ groups }) => ({
      async list() {
        const described = await Promise.all((await groups.list()).map(group => groups.describe(group)))
        return described.filter(({ members }) => members.length > 0).map(({ group }) => group)
      },
    })),
  },
  {
    fault: 'closes without leaving its groups',
    breaks: ['hazard 12'],
    log: async ({ maxRecordBytes, ...leases }) => {
      const driver = memory({ maxRecordBytes, leases })
      const open = async (env: LogEnvironment): Promise<LogSystem> => {
        const system = await driver.open(env)
        return { ...system, close: () => system.log.close() }
      }
      return { driver: { ...driver, open } }
    },
  },
]

const { groups = [], positions = [], 'open and close': openAndClose = [] } = logPromises

describe('mutants of the groups', () => {
  describeMutants(
    [...groups, ...positions, ...openAndClose.filter(({ promise }) => promise.startsWith('hazard 12'))],
    [...memberMutants, ...positionMutants],
  )
})
