import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { offset } from '../../src/event/index.ts'
import type { Log } from '../../src/log/index.ts'
import { moves } from '../apps/moves-topic.ts'
import { fakeClock, noFakeClock } from '../harness/fake-clock.ts'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { auditGroup, auditLog, expectClean } from './audited.ts'
import { allDone, startShared } from './consumers.ts'
import { withLog } from './log-access.ts'
import { watchGroups } from './watch-groups.ts'

const HOUR = 3_600_000

test.skipIf(noFakeClock)(
  'hazard 19: the wall clock is set back by an hour, on by a day and back under load: nothing is deleted early, no seek by time skips an event, nobody is expelled',
  async () => {
    const clock = fakeClock()
    const groups = ['each', 'batch'] as const
    const { system, consumers } = await startShared(
      { groups, env: clock.env, sessionMs: 10_000, retentionInterval: '200ms' },
      2,
    )
    const steps = ['-1h', '+0', '+25h', '+0', '-1h', '+0']
    const rounds = scale({ short: 1, long: 10 })
    const stepMs = scale({ short: 1_500, long: 5_000 })
    const load = await startLoad({
      ...system.load,
      run: 't',
      ratePerSecond: 100,
      seconds: (rounds * (steps.length + 1) * stepMs) / 1_000,
      keys: 100,
      seed,
    })
    const owners = await watchGroups(system, groups)
    for (let round = 0; round < rounds; round++) {
      for (const step of steps) {
        await wait(stepMs)
        clock.set(step)
      }
    }
    const { summary, ledger } = await load.finished()
    await allDone(consumers, groups)
    const { changes, backwards } = await owners()
    const times = await withLog(system, timesOf)
    const jump = Math.max(...times.map(of => (of.at(-1) ?? 0) - (of[0] ?? 0)))
    observed(
      `wall clock set to ${steps.join(', ')}, ${rounds} times; stamps of one partition span ${Math.round(jump / HOUR)} h; partitions changed hands ${changes} times`,
    )
    // It was seen: events are stamped a day apart, though the load took seconds.
    expect(jump).toBeGreaterThan(24 * HOUR)
    for (const of of times) expect(of).toEqual(of.toSorted((a, b) => a - b))
    expect(changes).toBe(0)
    expect(backwards).toEqual([])
    expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
    // The topic keeps events for a day: what was stored before the jump is all there.
    expectClean(await auditLog(system, ledger))
    for (const group of groups) expectClean(await auditGroup(system, ledger, group))
  },
)

/** The stamps of each partition in the order of its events. Each seek by time is compared with them. */
async function timesOf(log: Log): Promise<number[][]> {
  const all: number[][] = []
  for (let partition = 0; partition < moves.partitions; partition++) {
    const at = { topic: 'moves', partition }
    const { start, end } = await log.bounds(at)
    const times: number[] = []
    for (let next = start; next < end;) {
      const page = await log.read(
        { ...at, offset: next },
        { maxRecords: 1_000, maxBytes: 1 << 20, waitMs: 0 },
        AbortSignal.any([]),
      )
      times.push(...page.records.map(({ timestamp }) => timestamp))
      next = page.next
    }
    for (const time of new Set(times.flatMap(time => [time - 1, time, time + 1]))) {
      const first = times.findIndex(one => one >= time)
      expect(await log.offsetAt(at, time)).toBe(first === -1 ? end : offset(start + BigInt(first)))
    }
    all.push(times)
  }
  return all
}
