import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { observed } from '../../../test/harness/observed.ts'
import { experiment, scenarioOf } from './testing.ts'

// Two systems of several processes each and a database: only a hang meets this.
vi.setConfig({ testTimeout: 300_000 })

const file = path.join(import.meta.dirname, '../../../examples/orders/mail-away.yaml')

test('the mail service is killed for a third of the time: by REST orders fail that are paid, and by events every order is taken and gets its mail once', async () => {
  // Side by side, because each second here is one that somebody waits.
  const { result, arm, left } = await experiment({
    ...scenarioOf(file, { duration: 12 }),
    mode: 'side-by-side',
  })
  expect(left).toEqual([])
  expect(result.arms.map(({ name, problems }) => [name, problems])).toEqual([
    ['orders-rest', []],
    ['orders', []],
  ])
  expect(result.checks.filter(({ passed }) => !passed)).toEqual([])
  const [rest, orders] = [arm('orders-rest'), arm('orders')]
  for (const { faults } of [rest, orders])
    expect(faults[0]?.observed[0]).toMatch(/^mail \(pid \d+\) ended by SIGKILL$/)
  // It never accepts an order whose mail is not sent; those that it refused and charged are what it gets wrong.
  expect([rest.counts.lost, rest.counts.ghosts]).toEqual([0, 0])
  expect(orders.counts).toMatchObject({ stored: orders.counts.planned, ghosts: 0, altered: 0, inversions: 0 })
  expect(orders.timeline.map(({ text }) => text)).toContain('breaker CLOSED → OPEN')
  observed(
    `${orders.faults[0]?.observed[0]}; REST turned ${rest.counts.refused + rest.counts.unanswered} of ${rest.counts.planned} orders away, ${rest.counts.aggregates} customers had paid all the same`,
  )
})

test('the consumers are killed while they send, and come back to a dead mail service: every mail is sent once all the same', async () => {
  const scenario = scenarioOf(file, { duration: 15, rate: 40, arms: ['orders'] })
  const { arm, left } = await experiment({
    ...scenario,
    faults: [
      { target: 'service', service: 'consumers', fault: 'kill', at: 3, for: 1 },
      { target: 'dependency', dependency: 'mail', fault: 'kill', at: 4, for: 6 },
    ],
  })
  expect(left).toEqual([])
  const { counts, faults, problems } = arm('orders')
  expect(problems).toEqual([])
  const seen = faults.flatMap(({ observed: [first = ''] }) => first)
  expect(seen).toEqual([
    expect.stringMatching(/^consumers .* ended by SIGKILL$/),
    expect.stringMatching(/^mail .* ended by SIGKILL$/),
  ])
  expect(counts).toMatchObject({
    stored: counts.planned,
    lost: 0,
    doubled: 0,
    ghosts: 0,
    altered: 0,
    inversions: 0,
    aggregates: 0,
    dead: 0,
    pending: 0,
  })
  for (const what of seen) observed(what)
})
