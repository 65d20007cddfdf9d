import { describe, expect, it } from 'vitest'
import { rig } from '../../test/harness/collector.ts'
import { until } from '../../test/harness/until.ts'
import type { AcceptCheck, AcceptQuestion } from './accept.ts'

const click = (campaignId: string): string =>
  JSON.stringify({ type: 'click', id: campaignId, data: { campaignId } })
const refusing: AcceptCheck['check'] = ({ data }) =>
  (data as { campaignId: string }).campaignId === 'bad'
    ? { kind: 'refuse', status: 409, reason: 'closed', detail: 'the campaign has ended' }
    : { kind: 'ok' }

describe('accept', () => {
  it('is asked with the event and its tenant, and what it refuses is not stored', async () => {
    const asked: AcceptQuestion[] = []
    const check: AcceptCheck['check'] = (event, options) => {
      asked.push(event)
      return refusing(event, options)
    }
    const { post, stored } = await rig({ accept: { 'events.raw': { check, onFailure: 'refuse' } } })
    const answer = await post(`[${click('good')},${click('bad')},{"type":"note","data":1}]`)
    expect(answer.status).toBe(207)
    expect(answer.json.results.map((r: { status: number }) => r.status)).toEqual([202, 409, 202])
    expect(answer.json.results[1]).toMatchObject({
      code: 'event_conflict',
      reason: 'closed',
      detail: 'the campaign has ended',
    })
    expect(asked).toMatchObject([
      { tenant: 't1', topic: 'events.raw', type: 'click', id: 'good', data: { campaignId: 'good' } },
      { id: 'bad' },
    ])
    expect((await stored()).map(event => event.type)).toEqual(['click', 'note'])
  })

  it.each([
    ['refuse', 503, 0],
    ['take', 202, 1],
  ] as const)('that throws: %s gives %i', async (onFailure, status, count) => {
    const check: AcceptCheck['check'] = () => Promise.reject(new Error('down'))
    const { post, stored } = await rig({ accept: { 'events.raw': { check, onFailure } } })
    expect((await post(click('c1'))).status).toBe(status)
    expect(await stored()).toHaveLength(count)
  })

  it('that gives no answer by its deadline is not waited for, and sees its signal abort', async () => {
    const timers: { readonly ms: number; readonly fire: () => void }[] = []
    let signal: AbortSignal | undefined
    const { post, stored } = await rig({
      accept: {
        'events.raw': {
          check: (_, options) => {
            signal = options.signal
            return new Promise(() => {})
          },
          onFailure: 'refuse',
        },
      },
      clock: {
        now: () => Date.now(),
        monotonic: () => 0,
        after: (ms, fire) => (timers.push({ ms, fire }), () => {}),
      },
    })
    const answer = post(click('c1'))
    await until('the check to be asked', () => signal !== undefined)
    timers.find(({ ms }) => ms === 200)?.fire()
    expect((await answer).json).toMatchObject({
      code: 'not_stored',
      detail: expect.stringContaining('200 ms'),
    })
    expect(signal?.aborted).toBe(true)
    expect(await stored()).toEqual([])
  })

  it('is asked about a few events at a time', async () => {
    let open = 0
    let most = 0
    const check: AcceptCheck['check'] = async () => {
      most = Math.max(most, ++open)
      await new Promise(resolve => setImmediate(resolve))
      open--
      return { kind: 'ok' }
    }
    const { post } = await rig({ accept: { 'events.raw': { check, onFailure: 'refuse' } } })
    const answer = await post(`[${Array.from({ length: 100 }, (_, i) => click(`c${i}`)).join(',')}]`)
    expect(answer.json.accepted).toBe(100)
    expect(most).toBe(16)
  })
})
