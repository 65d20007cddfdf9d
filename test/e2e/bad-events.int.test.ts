import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { auditGroup, expectClean } from './audited.ts'
import { lettersOf, withLog } from './log-access.ts'
import { startSystem } from './system.ts'

const sha256 = (bytes: Uint8Array | null): string =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')

test('hazards 52, S15: every event is bad and the database is healthy: the breaker stays closed, each is a whole letter, and no error holds the row', async () => {
  const system = await startSystem({ groups: ['each'] })
  const body = system.load.body.replace('moved', 'bad')
  // Below the 50 letters from which on a flood pauses the group.
  const running = await startLoad({
    ...system.load,
    body,
    run: 'b',
    ratePerSecond: 20,
    seconds: 2,
    keys: 10,
    seed,
  })
  const { summary, ledger } = await running.finished()
  const end = await system.drained()
  const letters = await lettersOf(system, 'each')
  observed(`${letters.length} letters for ${summary.accepted} events that the database refuses`)
  expect(summary.accepted).toBe(40)
  expect(end.metric('circuit_breaker_state_changes_total', { name: 'db' })).toBe(0)
  expect(letters).toHaveLength(40)
  for (const letter of letters) {
    const sent = ledger.entries.get(letter.eventId ?? '')
    expect(sha256(letter.value)).toBe(sent?.hash)
    expect(letter).toMatchObject({ group: 'each', topic: 'moves', eventType: 'bad', reason: 'data' })
    expect(letter.last).toMatchObject({ code: '23505' })
    expect(JSON.stringify([letter.first, letter.last])).not.toContain('example.com')
  }
  expect(system.app.stderr.join('\n')).not.toContain('example.com')
  expectClean(await auditGroup(system, ledger, 'each', { dead: letters.map(({ eventId }) => eventId ?? '') }))
})

test('hazard 41: bytes that are no event stand in the log among good ones: each is a whole letter, and the rest is applied', async () => {
  const system = await startSystem({ groups: ['each', 'batch'] })
  const seconds = scale({ short: 4, long: 60 })
  const running = await startLoad({ ...system.load, run: 'p', ratePerSecond: 100, seconds, keys: 20, seed })
  // Written past the collector, as a foreign producer would: random bytes, nothing, cut-off JSON, no headers.
  const random = Buffer.from(sha256(Buffer.from(String(seed))), 'hex')
  const values = [random, Buffer.alloc(0), Buffer.from('{"vehicle":"k1","n":'), Buffer.from([0, 0xff, 0x00])]
  const event = { ce_specversion: '1.0', ce_id: 'x', ce_source: 'x', ce_type: 'moved' }
  const poison = values.flatMap((value, i) => [
    { key: 't1/k1', value, headers: {} },
    { key: 't1/k2', value, headers: { ...event, ce_id: `poison-${i}` } },
  ])
  await withLog(system, async log => {
    for (const record of poison) await log.append('moves', [record])
  })
  const { summary, ledger } = await running.finished()
  await system.drained()
  for (const group of ['each', 'batch']) {
    const letters = await lettersOf(system, group)
    expect(letters.map(({ value }) => sha256(value)).toSorted()).toEqual(
      poison.map(({ value }) => sha256(value)).toSorted(),
    )
    expectClean(await auditGroup(system, ledger, group))
  }
  observed(
    `${poison.length} undecodable records in the log among ${summary.accepted}; as many letters in each group`,
  )
  expect(summary.accepted).toBe(summary.planned)
})

test('hazard 42: tombstones and records without a key go through, and keep their own ids', async () => {
  const system = await startSystem({ groups: ['each', 'batch'] })
  const running = await startLoad({ ...system.load, run: 'n', ratePerSecond: 50, seconds: 2, keys: 5, seed })
  const event = { ce_specversion: '1.0', ce_source: 'elsewhere', ce_type: 'moved' }
  const odd = Array.from({ length: 5 }, (_, i) => [
    // A tombstone has no data that fits the schema: a letter with `value: null`, not an empty one.
    { key: 't1/k1', value: null, headers: { ...event, ce_id: `tombstone-${i}` } },
    // Without a key there is no order, but five events and not one.
    { value: Buffer.from(`{"vehicle":"none","n":${i}}`), headers: { ...event, ce_id: `keyless-${i}` } },
  ]).flat()
  await withLog(system, async log => {
    for (const record of odd) await log.append('moves', [record])
  })
  const { ledger } = await running.finished()
  await system.drained()
  for (const group of ['each', 'batch']) {
    const letters = await lettersOf(system, group)
    expect(new Set(letters.map(({ eventId }) => eventId))).toEqual(
      new Set([0, 1, 2, 3, 4].map(i => `tombstone-${i}`)),
    )
    expect(letters.every(({ value }) => value === null)).toBe(true)
    const { findings } = await auditGroup(system, ledger, group)
    expect(findings.ghosts.toSorted()).toEqual([0, 1, 2, 3, 4].map(i => `keyless-${i}`))
    expect({ ...findings, ghosts: [], aggregates: [] }).toEqual({
      lost: [],
      doubled: [],
      ghosts: [],
      altered: [],
      inversions: [],
      contradictions: [],
      aggregates: [],
      unbalanced: [],
    })
  }
  observed('5 tombstones and 5 keyless records appended past the collector')
})

test('hazard 39: the handler of one event in a hundred never returns: that key waits, the others go on', async () => {
  const system = await startSystem({ groups: ['each'] })
  const running = await startLoad({
    ...system.load,
    run: 'q',
    ratePerSecond: 100,
    seconds: scale({ short: 5, long: 60 }),
    keys: 100,
    seed,
    odd: { every: 100, body: system.load.body.replace('moved', 'stuck') },
  })
  const { pid } = system.app
  const { summary, ledger } = await running.finished()
  await system.drained()
  const letters = await lettersOf(system, 'each')
  const stuck = summary.planned / 100
  observed(`${stuck} handlers never returned; process ${pid} ended 0 times`)
  expect(letters).toHaveLength(stuck)
  expect(new Set(letters.map(({ reason, eventType }) => `${eventType}: ${reason}`))).toEqual(
    new Set(['stuck: attempts']),
  )
  expect(letters.every(({ last }) => last.code === 'HANDLER_TIMEOUT')).toBe(true)
  expect(system.app.pid).toBe(pid)
  expectClean(await auditGroup(system, ledger, 'each', { dead: letters.map(({ eventId }) => eventId ?? '') }))
})

test('hazard 39: a handler that runs on outside any transaction costs one restart, after its event is kept as a letter', async () => {
  const system = await startSystem({ groups: ['calls'] })
  const running = await startLoad({
    ...system.load,
    run: 'o',
    ratePerSecond: 50,
    seconds: scale({ short: 4, long: 20 }),
    keys: 20,
    seed,
    odd: { every: 50 * scale({ short: 4, long: 20 }), body: system.load.body.replace('moved', 'stuck') },
  })
  const { summary } = await running.finished()
  const exit = await system.app.exited
  expect(exit).toMatchObject({ code: 1, signal: null })
  await system.startApp()
  const end = await system.drained()
  const letters = await lettersOf(system, 'calls')
  observed(`process ${exit.pid} ended with exit 1 for one handler that never returned; the next one did not`)
  expect(summary.accepted).toBe(summary.planned)
  expect(letters.map(({ reason, eventType }) => ({ reason, eventType }))).toEqual([
    { reason: 'stuck', eventType: 'stuck' },
  ])
  expect(end.groups.map(({ state }) => state)).toEqual(['running'])
  // It is not met again: this process drains and ends when it is asked to.
  expect(await system.app.terminate()).toMatchObject({ code: 0 })
})
