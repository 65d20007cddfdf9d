import { describe, expect, it } from 'vitest'
import { rig } from '../../test/harness/collector.ts'

const click = (more: object = {}): string =>
  JSON.stringify({ type: 'click', data: { campaignId: 'c1' }, ...more })

describe('POST /v1/events', () => {
  it('answers 202 with the receipt of a stored event', async () => {
    const { post, get, stored } = await rig()
    const answer = await post(click({ id: 'e1' }))
    expect(answer.status).toBe(202)
    expect(answer.json).toEqual({
      id: 'e1',
      receipt: expect.stringMatching(/^events\.raw\.[0-3]\.0$/),
      duplicate: false,
    })
    expect(answer.headers.get('location')).toBe(`/v1/receipts/${answer.json.receipt}`)
    expect(answer.headers.get('collector-durability')).toBe('memory')
    const [event, ...more] = await stored()
    expect(more).toEqual([])
    expect(event).toMatchObject({
      id: 'e1',
      type: 'click',
      source: '/collect/pk_demo',
      tenant: 't1',
      key: 't1/c1',
      correlationId: 'e1',
    })
    expect(String(event?.data && Buffer.from(event.data))).toBe('{"campaignId":"c1"}')
    const receipt = await get(`/v1/receipts/${answer.json.receipt}`)
    expect(receipt.status).toBe(200)
    expect(receipt.json).toMatchObject({
      status: 'logged',
      topic: 'events.raw',
      offset: '0',
      id: 'e1',
      type: 'click',
    })
  })
})
