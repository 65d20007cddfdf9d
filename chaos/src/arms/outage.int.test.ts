import { expect, test } from 'vitest'
import { isAlive } from '../../../src/server/processes.ts'
import { ownPostgres } from '../../../test/postgres.ts'
import type { Arm } from '../contract/arm.ts'
import { arms } from './index.ts'
import { naiveArm } from './naive/arm.ts'
import { withClient } from './store.ts'
import { drainedAudit, startArm } from './testing.ts'

const { rest, 'rest-chain': restChain, holdfast } = arms as Record<string, Arm>
// Long against the time in which the database is away here, as it is long against the time between two events.
const naive = naiveArm({ resetMs: 3_000 })

const AWAY = 30
const all = (outcome: string): string[] => Array.from({ length: AWAY }, () => outcome)
const clean = { clean: true }

/** What becomes of thirty events that are sent while the database is away. */
const cases = [
  { arm: rest, outcomes: all('refused'), audit: { ...clean, counts: { refused: AWAY, done: 2 } } },
  { arm: restChain, outcomes: all('refused'), audit: { ...clean, counts: { refused: AWAY, done: 2 } } },
  {
    arm: holdfast,
    flags: ['four-groups'],
    outcomes: all('accepted'),
    audit: { ...clean, counts: { done: 32 } },
  },
  { arm: naive, outcomes: all('accepted'), audit: { clean: false, counts: { accepted: 32, done: 2 } } },
  {
    arm: naive,
    flags: ['commit-after-success'],
    outcomes: all('accepted'),
    audit: { findings: { lost: [] } },
  },
  {
    arm: naive,
    flags: Object.keys(naive.flags),
    outcomes: all('accepted'),
    audit: { ...clean, counts: { done: 32 } },
  },
  // It loses what failed before the breaker opened, and what it tries it with.
  { arm: naive, flags: ['breaker-pauses'], outcomes: all('accepted'), lost: { from: 5, below: AWAY } },
]

test('a database that is killed and comes back: REST refuses and keeps what it accepted; Holdfast accepts all and loses nothing; the naive consumer accepts all and loses it, unless its mistakes are switched off', async () => {
  const postgres = await ownPostgres({ settings: { max_connections: '300' } })
  const names = cases.map((_, i) => `arm_${i}`)
  await withClient(postgres.url, async client => {
    for (const name of names) await client.query(`create database ${name}`)
  })
  const running = await Promise.all(
    cases.map(({ arm, flags = [] }, i) => {
      const url = new URL(postgres.url)
      url.pathname = `/${names[i]}`
      if (arm === undefined) throw new Error('no such arm')
      return startArm(arm, url.href, { flags })
    }),
  )
  await Promise.all(running.map(one => one.sender.post(2)))
  await Promise.all(running.map(drainedAudit))

  await postgres.kill()
  expect(isAlive(postgres.pid)).toBe(false)
  const outcomes = await Promise.all(running.map(one => one.sender.post(AWAY)))
  await postgres.again()
  const audits = await Promise.all(running.map(drainedAudit))

  for (const [i, { arm, flags, outcomes: expected, audit, lost }] of cases.entries()) {
    const what = `${arm?.name} ${flags?.join() ?? ''}`
    const found = audits[i]?.findings.lost.length ?? 0
    expect({ what, outcomes: outcomes[i] }).toEqual({ what, outcomes: expected })
    if (audit) expect({ what, ...audits[i] }).toMatchObject({ what, ...audit })
    if (lost) expect({ what, some: found >= lost.from && found < lost.below }).toEqual({ what, some: true })
  }
})
