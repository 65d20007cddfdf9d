import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLog } from '../../../test/embedded/open.ts'
import { setClock, type SetClock } from '../../../test/embedded/set-clock.ts'
import { observed } from '../../../test/harness/observed.ts'
import { seed } from '../../../test/harness/scale.ts'
import { offset, seededRandom } from '../../event/index.ts'
import type { AppendOutcome, LogSystem } from '../../log/index.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

async function newLog(clock: SetClock): Promise<LogSystem> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-clock-'))
  const system = await openLog(folder, {}, clock)
  onTestFinished(async () => {
    await system.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return system
}

const append = async ({ log }: LogSystem, id?: string): Promise<AppendOutcome | undefined> => {
  const dedup = id === undefined ? undefined : { scope: 's', source: 'x', id, hash: Buffer.from('hash') }
  return (await log.append('events', [{ value: Buffer.from(id ?? ''), headers: {}, partition: 0, dedup }]))[0]
}

describe('clocks', () => {
  it('hazard 19: set back by an hour, on by a day and back again: nothing is deleted early, no seek skips a record', async () => {
    const clock = setClock()
    const system = await newLog(clock)
    const { log } = system
    await log.topics.create('events', { partitions: 1, retentionMs: 2 * HOUR })
    const enforce = async (): Promise<number> =>
      (await log.enforceRetention?.(AbortSignal.any([])))?.size ?? -1
    const steps = [0, -HOUR, DAY, -DAY, HOUR, 0]
    for (const step of steps) {
      clock.set(step)
      clock.pass(60_000)
      await append(system)
      await append(system)
      expect(await enforce(), `after the clock was set by ${step}`).toBe(0)
    }
    const at = { topic: 'events', partition: 0 }
    const limits = { maxRecords: 100, maxBytes: 10_000, waitMs: 0 }
    const { records } = await log.read({ ...at, offset: offset(0) }, limits, AbortSignal.any([]))
    expect(records).toHaveLength(steps.length * 2)
    const times = records.map(({ timestamp }) => timestamp)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    for (const time of new Set(times.flatMap(time => [time - 1, time, time + 1]))) {
      const first = records.find(({ timestamp }) => timestamp >= time)?.offset ?? offset(records.length)
      expect(await log.offsetAt(at, time)).toBe(first)
    }
    // Time that has passed on both clocks deletes them, a day later for the ones stamped a day ahead.
    clock.pass(DAY + 3 * HOUR)
    expect(await enforce()).toBe(1)
    expect((await log.bounds(at)).start).toBe(BigInt(records.length))
    observed(`wall clock set by ${steps.map(step => `${step / HOUR} h`).join(', ')}; 0 records deleted early`)
  })

  it('hazard 5: knows an id for the whole window, whatever the clock does, and forgets it soon after', async () => {
    const clock = setClock()
    const system = await newLog(clock)
    await system.log.topics.create('events', { partitions: 1 })
    const random = seededRandom(seed)
    const born = new Map<string, number>()
    let checked = 0
    for (let i = 0; i < 400; i++) {
      clock.pass(Math.floor(random() * HOUR))
      const jump = random() < 0.2 ? (random() - 0.5) * 4 * DAY : 0
      clock.set(jump)
      expect((await append(system, `id-${i}`))?.kind).toBe('appended')
      born.set(`id-${i}`, clock.monotonic())
      clock.set(-jump)
      const [known = '', since = 0] = [...born][Math.floor(random() * born.size)] ?? []
      const age = clock.monotonic() - since
      if (age > 0.95 * DAY)
        born.delete(known) // those are asked for below
      else if (age > 0) {
        expect(await append(system, known), `${known} after ${age / HOUR} h`).toMatchObject({
          kind: 'duplicate',
        })
        checked++
      }
    }
    expect(checked).toBeGreaterThan(50)
    clock.pass(1.5 * DAY)
    await append(system, 'turns the tables')
    expect((await append(system, 'id-0'))?.kind).toBe('appended')
    expect((await append(system, 'id-399'))?.kind).toBe('appended')
  })
})
