import { describe, expect, it, onTestFinished } from 'vitest'
import { anyLog } from '../../../test/support/test-logs.ts'
import { silentLogger, systemClock, systemRandom, type NewRecord } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import { auditList } from './audit-list.ts'
import { AUDIT_TOPIC, audited, trail } from './audit-trail.ts'
import { auditVerify, type AuditVerification } from './audit-verify.ts'
import type { OperationHost } from './operation.ts'
import { perform } from './perform.ts'

const signal = new AbortController().signal
const actor = { name: 'ada', role: 'admin' } as const

/** Of one driver: processes on one log. */
async function host(driver = anyLog()): Promise<OperationHost> {
  const system = await driver.open({ clock: systemClock, random: systemRandom, logger: silentLogger })
  onTestFinished(() => system.close())
  return { system, app: undefined, clock: systemClock, random: systemRandom }
}

function act(on: OperationHost, n: number): Promise<number> {
  return audited(
    on,
    { operation: 'test.act', actor, input: { n }, reason: `ticket ${n}` },
    async () => n,
    signal,
  )
}

function verify(on: OperationHost, head?: string): Promise<AuditVerification> {
  return perform(on, { operation: auditVerify, input: head === undefined ? {} : { head }, actor, signal })
}

async function recordsOf({ log }: LogSystem): Promise<NewRecord[]> {
  const records: NewRecord[] = []
  for await (const { value, headers } of trail(log, 0n, signal))
    records.push({ value, headers, partition: 0 })
  return records
}

/** What somebody does who may write to the log: the trail anew, with these records. */
async function rewritten(records: readonly NewRecord[]): Promise<OperationHost> {
  const on = await host()
  await on.system.log.topics.create(AUDIT_TOPIC, { partitions: 1 })
  if (records.length > 0) await on.system.log.append(AUDIT_TOPIC, records)
  return on
}

function changed(record: NewRecord | undefined, from: string, to: string): NewRecord {
  const text = Buffer.from(record?.value ?? []).toString()
  expect(text).toContain(from)
  return { value: Buffer.from(text.replace(from, to)), headers: record?.headers ?? {}, partition: 0 }
}

describe('the audit trail', () => {
  it('holds who did what, why and with what outcome, of acts that failed as well', async () => {
    const on = await host()
    await act(on, 1)
    const failing = audited(
      on,
      { operation: 'test.act', actor, input: {}, reason: undefined },
      failed,
      signal,
    )
    await expect(failing).rejects.toThrow('no such thing')
    const { acts } = await perform(on, { operation: auditList, input: {}, actor, signal })
    expect(acts).toMatchObject([
      { operation: 'test.act', who: 'ada', outcome: 'failed', error: 'no such thing', reason: null },
      { operation: 'test.act', who: 'ada', outcome: 'done', reason: 'ticket 1', input: { n: 1 } },
    ])
  })

  it('says of an act that was cut off that nobody knows how it ended', async () => {
    const on = await host()
    await act(on, 1)
    const [began] = await recordsOf(on.system)
    const cut = await rewritten(began ? [began] : [])
    const { acts } = await perform(cut, { operation: auditList, input: {}, actor, signal })
    expect(acts).toMatchObject([{ outcome: 'unknown' }])
    expect((await verify(cut)).ok).toBe(true)
  })

  it('changes nothing when the act cannot be written down first', async () => {
    const on = await host()
    await on.system.close()
    let done = false
    const refused = audited(
      on,
      { operation: 'test.act', actor, input: {}, reason: 'x' },
      async () => (done = true),
      signal,
    )
    await expect(refused).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    expect(done).toBe(false)
  })

  it('is one chain, however many write to it at once', async () => {
    const on = await host()
    await Promise.all(Array.from({ length: 30 }, (_, n) => act(on, n)))
    expect(await verify(on)).toMatchObject({ ok: true, records: 60, superseded: 0, findings: [] })
  })

  it('is one chain when several processes follow the same record: of siblings the first counts, the others are written again', async () => {
    const log = anyLog()
    const writers = await Promise.all(Array.from({ length: 5 }, () => host(log)))
    const on = await host(log)
    await Promise.all(writers.flatMap(writer => [0, 1, 2].map(n => act(writer, n))))
    const verified = await verify(on)
    expect(verified).toMatchObject({ ok: true, notRepeated: 0, findings: [] })
    expect(verified.superseded).toBeGreaterThan(0)
    expect(verified.records - verified.superseded).toBe(30)
    const { acts } = await perform(on, { operation: auditList, input: {}, actor, signal })
    expect(acts.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 15 }, () => 'done'))
  })

  it('goes on behind the last record that counts, however many superseded ones stand behind it', async () => {
    const on = await host()
    for (let n = 0; n < 3; n++) await act(on, n)
    const records = await recordsOf(on.system)
    const late = await siblings(records, 4, 40)
    const damaged = await rewritten([...records, ...late])
    await act(damaged, 3)
    expect(await verify(damaged)).toMatchObject({ ok: true, records: 48, superseded: 40, notRepeated: 40 })
  })

  it('lets nobody hide by a sibling that a record was taken out, changed or exchanged', async () => {
    const on = await host()
    for (let n = 0; n < 4; n++) await act(on, n)
    const records = await recordsOf(on.system)
    // Each record has a sibling right behind it, as two processes would have written them.
    const forked: NewRecord[] = []
    for (const [at, record] of records.entries())
      forked.push(record, ...(at < 7 ? await siblings(records, at, 1) : []))
    expect(await verify(await rewritten(forked))).toMatchObject({ ok: true, superseded: 7 })
    for (let at = 0; at < 14; at += 2) {
      const [record, sibling] = forked.slice(at, at + 2) as [NewRecord, NewRecord]
      const attacks: Record<string, readonly NewRecord[]> = {
        'taken out, its sibling left': forked.toSpliced(at, 1),
        'moved behind its sibling': forked.toSpliced(at, 2, sibling, record),
        'taken out with its sibling': forked.toSpliced(at, 2),
        changed: forked.with(at, edited(record, at / 2)),
        'its sibling changed': forked.with(at + 1, changed(sibling, 'ada', 'eve')),
        // At the end that is a cut, which only a head shows.
        ...(at < 12 && { 'taken out with the next, whose sibling is left': forked.toSpliced(at, 3) }),
      }
      for (const [how, trail] of Object.entries(attacks))
        expect((await verify(await rewritten(trail))).ok, `${how} at ${at}`).toBe(false)
    }
  })

  it('shows a record that was changed, removed or inserted, wherever it is', async () => {
    const on = await host()
    for (let n = 0; n < 5; n++) await act(on, n)
    const records = await recordsOf(on.system)
    expect(records).toHaveLength(10)
    const other = await host()
    for (let n = 0; n < 5; n++) await act(other, n)
    const foreign = await recordsOf(other.system)
    for (let at = 0; at < 9; at++) {
      const planted: Record<string, readonly [said: string, trail: readonly NewRecord[]]> = {
        changed: ['was changed', records.with(at, edited(records[at], at))],
        removed: ['missing', records.toSpliced(at, 1)],
        // At the very beginning it is one that is as good as the first: the one after that tells.
        inserted: [at === 0 ? 'exchanged' : 'inserted', records.toSpliced(at, 0, foreign[at] as NewRecord)],
        replaced: ['was changed', records.with(at, foreign[at] as NewRecord)],
        swapped: [
          'missing',
          records.with(at, records[at + 1] as NewRecord).with(at + 1, records[at] as NewRecord),
        ],
        garbage: [
          'it is no entry',
          records.toSpliced(at, 0, { value: Buffer.from('hello'), headers: {}, partition: 0 }),
        ],
      }
      for (const [how, [said, trail]] of Object.entries(planted)) {
        const { ok, findings } = await verify(await rewritten(trail))
        expect(ok, `${how} at ${at}`).toBe(false)
        // Where it is, or the record behind it, which carries the hash.
        expect(Number(findings[0]?.offset), `${how} at ${at}`).toBeGreaterThanOrEqual(at)
        expect(Number(findings[0]?.offset), `${how} at ${at}`).toBeLessThanOrEqual(at + (at === 0 ? 2 : 1))
        expect(findings.map(({ finding }) => finding).join('\n'), `${how} at ${at}`).toContain(said)
      }
    }
    // Neither is one a sibling that follows what nobody has ever written here.
    for (let at = 1; at < 9; at++)
      expect(await verify(await rewritten([...records, foreign[at] as NewRecord]))).toMatchObject({
        findings: [{ offset: '10', finding: expect.stringContaining('inserted') as string }],
      })
    // Nothing stands behind the last one that carries its hash; its own does.
    expect(await verify(await rewritten(records.with(9, edited(records[9], 9))))).toMatchObject({
      findings: [{ offset: '9', finding: 'it was changed: its own hash is another' }],
    })
    expect((await verify(await rewritten(records))).ok).toBe(true)
  })

  it('takes a record that stands there twice, as after an append of unknown outcome, for one', async () => {
    const on = await host()
    for (let n = 0; n < 3; n++) await act(on, n)
    const records = await recordsOf(on.system)
    for (const [at, record] of records.entries())
      expect(await verify(await rewritten(records.toSpliced(at, 0, record)))).toMatchObject({
        ok: true,
        superseded: 1,
        notRepeated: 0,
      })
  })

  it('shows by a head that was noted elsewhere that its end was cut off', async () => {
    const on = await host()
    for (let n = 0; n < 3; n++) await act(on, n)
    const { head } = await verify(on)
    await act(on, 3)
    expect(await verify(on, head)).toMatchObject({ ok: true })
    const records = await recordsOf(on.system)
    expect((await verify(await rewritten(records.slice(0, 4)))).ok).toBe(true)
    expect((await verify(await rewritten(records.slice(0, 4)), head)).ok).toBe(false)
  })

  it('keeps of a large input its size and hash', async () => {
    const on = await host()
    const input = { patch: 'x'.repeat(100_000) }
    await audited(on, { operation: 'test.act', actor, input, reason: 'x' }, async () => {}, signal)
    const { acts } = await perform(on, { operation: auditList, input: {}, actor, signal })
    expect(acts).toMatchObject([
      { input: { bytes: 100_012, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string } },
    ])
  })
})

/** What honest processes write that follow the same record as the one at `at` does, and come second. */
async function siblings(records: readonly NewRecord[], at: number, count: number): Promise<NewRecord[]> {
  const found: NewRecord[] = []
  for (let n = 0; n < count; n++) {
    const on = await rewritten(records.slice(0, at))
    await act(on, 100 + n)
    const [sibling] = (await recordsOf(on.system)).slice(at)
    if (!sibling) throw new Error('nothing was written')
    found.push(sibling)
  }
  return found
}

/** Every second record says who, the others how it ended. */
function edited(record: NewRecord | undefined, at: number): NewRecord {
  return at % 2 === 0 ? changed(record, 'ada', 'eve') : changed(record, 'done', 'fine')
}

async function failed(): Promise<never> {
  throw new Error('no such thing')
}
