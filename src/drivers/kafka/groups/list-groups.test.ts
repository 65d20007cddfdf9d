import { NetworkError, ResponseError } from '@platformatic/kafka'
import { describe, expect, it } from 'vitest'
import { seededRandom, type Clock } from '../../../event/index.ts'
import type { Broker, Link } from '../link.ts'
import { listGroups } from './list-groups.ts'

const A = { host: 'a', port: 1 }
const B = { host: 'b', port: 2 }
const LOADING = 14
const DENIED = 30

/** What one broker answers of each of its groups: an error, or nothing, for one with a position of ours. */
type Answers = Readonly<Record<string, number | undefined>>

/** Answers in turn what the brokers do, as the client package tells of it; the last turn stays. */
async function listed(...turns: readonly ReadonlyMap<Broker, Answers | Error>[]): Promise<readonly string[]> {
  let turn = -1
  const call = async (broker: Broker, name: string, asked: readonly { groupId: string }[]) => {
    const answers = turns[Math.min(turn, turns.length - 1)]?.get(broker) ?? {}
    if (answers instanceof Error) throw answers
    if (name === 'ListGroups')
      return {
        groups: Object.keys(answers).map(groupId => ({ groupId, protocolType: '', groupState: 'Empty' })),
      }
    const groups = asked.map(({ groupId }) => ({
      groupId,
      errorCode: answers[groupId] ?? 0,
      topics: [{ partitions: [{ metadata: 'hf:' }] }],
    }))
    const errors = groups.flatMap(({ errorCode }, i) =>
      errorCode === 0 ? [] : [[`/groups/${i}`, [errorCode, null] as [number, null]] as const],
    )
    if (errors.length > 0) throw new ResponseError(9, 9, Object.fromEntries(errors), { groups })
    return { groups }
  }
  return listGroups({
    link: { call } as unknown as Link,
    async live() {
      turn += 1
      return [...(turns[Math.min(turn, turns.length - 1)]?.keys() ?? [])]
    },
    clock: hurriedClock(),
    random: seededRandom(1),
    signal: new AbortController().signal,
  })
}

/** Whoever waits has waited. */
function hurriedClock(): Clock {
  let now = 0
  return {
    now: () => now,
    monotonic: () => now,
    after(ms, fn) {
      now += ms
      const turn = setImmediate(fn)
      return () => clearImmediate(turn)
    },
  }
}

describe('the groups of a cluster', () => {
  it('are asked for again while a broker reads what it coordinates, and when it has gone', async () => {
    const loading = new Map([
      [A, { g: LOADING }],
      [B, { h: undefined }],
    ] as const)
    const gone = new Map<Broker, Answers | Error>([
      [A, new NetworkError('connect ECONNREFUSED')],
      [B, { h: undefined }],
    ])
    expect(await listed(loading, gone, new Map([[B, { g: undefined, h: undefined }]]))).toEqual(['g', 'h'])
  })

  it('are not told in part: when patience is over, the broker is named, and the groups that it does not tell of', async () => {
    const loading = new Map([
      [A, { ok: undefined, g1: LOADING, g2: LOADING }],
      [B, { h: undefined }],
    ])
    await expect(listed(loading)).rejects.toMatchObject({
      code: 'LOG_STALLED',
      detail: expect.stringMatching(/ask broker a:1 for g1, g2: COORDINATOR_LOAD_IN_PROGRESS/) as string,
    })
  })

  it('are those that the user may look at, though brokers name others as well', async () => {
    expect(await listed(new Map([[A, { mine: undefined, theirs: DENIED }]]))).toEqual(['mine'])
  })
})
