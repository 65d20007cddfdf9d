import { describe, expect, it } from 'vitest'
import { rig, withAppend } from '../../test/harness/collector.ts'
import { until } from '../../test/harness/until.ts'
import { HoldfastError } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { virtualClock } from '../testing/virtual-clock.ts'

const click = (id: string, n = 0): string =>
  JSON.stringify({ type: 'click', id, data: { campaignId: 'c1', n } })

/** As logs on other machines are: it knows no ids. */
const forgetful = (log: Log): Log =>
  withAppend(log, (topic, records) =>
    log.append(
      topic,
      records.map(record => ({ ...record, dedup: undefined })),
    ),
  )

describe('ids, on a log that does not know them', () => {
  it('are known for ten minutes, by their content too', async () => {
    const clock = virtualClock()
    const { post, stored } = await rig({ clock, around: forgetful, dedup: 'local' })
    const first = await post(click('a'))
    expect(first.json.duplicate).toBe(false)
    await clock.advance(599_000)
    const second = await post(click('a'))
    expect(second.json).toEqual({ ...first.json, duplicate: true })
    expect([(await post(click('a', 1))).status, (await post(click('a', 1))).json.code]).toEqual([
      409,
      'id_conflict',
    ])
    expect(await stored()).toHaveLength(1)
    await clock.advance(2_000)
    expect((await post(click('a'))).json.duplicate).toBe(false)
    expect(await stored()).toHaveLength(2)
  })

  it('are known while the first is still on its way, within a request and beside it', async () => {
    const waiting: (() => void)[] = []
    const { post, stored } = await rig({
      around: log => {
        const inner = forgetful(log)
        return withAppend(inner, async (...args) => {
          await new Promise<void>(resolve => waiting.push(resolve))
          return await inner.append(...args)
        })
      },
      dedup: 'local',
    })
    const both = post(`[${click('a')},${click('a')}]`)
    await until('the append', () => waiting.length === 1)
    const beside = post(click('a'))
    waiting[0]?.()
    const duplicates = [...(await both).json.results, (await beside).json].map(({ duplicate }) => duplicate)
    expect(duplicates).toEqual([false, true, true])
    expect(await stored()).toHaveLength(1)
  })

  it('are forgotten when the event was not taken: sent again, it is the first', async () => {
    let isAway = true
    const { post, stored } = await rig({
      around: log => {
        const inner = forgetful(log)
        return withAppend(inner, async (...args) => {
          if (isAway) throw new HoldfastError('LOG_FAILED', { detail: 'on command' })
          return await inner.append(...args)
        })
      },
      dedup: 'local',
    })
    expect((await post(click('a'))).json.code).toBe('outcome_unknown')
    isAway = false
    expect((await post(click('a'))).json.duplicate).toBe(false)
    expect(await stored()).toHaveLength(1)
  })

  it('are bounded in number, and that is said', async () => {
    const { post, get } = await rig({ around: forgetful, dedup: 'local' })
    const { json } = await get('/v1/limits')
    expect(json).toMatchObject({ dedup: 'local', dedupWindowMs: 600_000, dedupMaxIds: 100_000 })
    await post(click('first'))
    const batch = (from: number): string =>
      `[${Array.from({ length: 1_000 }, (_, i) => click(`e${from + i}`)).join()}]`
    for (let from = 0; from < 100_000; from += 1_000) await post(batch(from))
    expect((await post(click('e50000'))).json.duplicate).toBe(true)
    expect((await post(click('first'))).json.duplicate).toBe(false)
  })

  it('are the business of the log that knows them', async () => {
    const { get } = await rig()
    expect((await get('/v1/limits')).json).toMatchObject({ dedup: 'log' })
  })
})
