import { describe, expect, it } from 'vitest'
import { rig, withAppend } from '../../test/harness/collector.ts'
import { HoldfastError } from '../event/index.ts'

describe('an observer', () => {
  it('is told what was answered, stored, refused and failed, by names from bounded sets', async () => {
    const told: unknown[] = []
    const tell =
      (what: string) =>
      ({ seconds, ...facts }: object & { seconds?: number }): void => {
        if (seconds !== undefined) expect(seconds).toBeGreaterThanOrEqual(0)
        told.push({ what, ...facts })
      }
    let full = false
    const { post, get } = await rig({
      observer: {
        answered: tell('answered'),
        published: tell('published'),
        publishFailed: tell('publishFailed'),
        rejected: tell('rejected'),
      },
      around: log =>
        withAppend(log, async (topic, records) => {
          if (full) throw new HoldfastError('LOG_FULL', { detail: 'test' })
          return await log.append(topic, records)
        }),
    })
    const click = '{"type":"click","id":"a","data":{"campaignId":"c1"}}'
    await post(`[${click},${click},{"type":"click","data":{}},{"type":"made up","data":1}]`)
    full = true
    await post(click)
    await get('/made/up')
    await get('/v1/receipts/events.raw.0.7')
    await post('1', {}, '/v1/topics/made-up/events')
    expect(told).toEqual([
      { what: 'rejected', topic: 'events.raw', type: 'click', reason: 'schema_violation' },
      { what: 'rejected', topic: 'other', type: 'other', reason: 'type_unknown' },
      { what: 'published', topic: 'events.raw', count: 1 },
      { what: 'answered', route: '/v1/events', status: 207 },
      { what: 'publishFailed', topic: 'events.raw', reason: 'not_stored', count: 1 },
      { what: 'answered', route: '/v1/events', status: 503 },
      { what: 'answered', route: 'other', status: 404 },
      { what: 'answered', route: '/v1/receipts/{receipt}', status: 404 },
      { what: 'answered', route: '/v1/topics/{topic}/events', status: 404 },
    ])
  })
})
