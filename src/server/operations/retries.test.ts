import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { until } from '../../../test/harness/until.ts'
import { anyLog } from '../../../test/support/test-logs.ts'
import { topic } from '../../schema/index.ts'
import { app, type App } from '../app.ts'
import { operate } from './operate.ts'
import { retryCancel, retryList, retryRunNow } from './retries.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 1,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

/** Two groups that fail with customer `bad` for as long as they are told to, and would try again in an hour. */
async function shop(): Promise<{ a: App<boolean>; done: string[]; isMended: { value: boolean } }> {
  const a = app({ name: 'shop', log: anyLog() })
  const done: string[] = []
  const isMended = { value: false }
  for (const group of ['billing', 'mail'])
    a.consumer(group, orders, { from: 'earliest', retry: ['1h'] }).on('placed', ({ data }) => {
      if (data.customer === 'bad' && !isMended.value) throw new Error('not now')
      done.push(`${group} ${data.customer} ${data.n}`)
    })
  await a.start()
  onTestFinished(() => a.stop())
  for (const [n, customer] of ['bad', 'good', 'bad'].entries())
    await a.publish(orders, 'placed', { customer, n }, { id: `id-${n}` })
  await until('the groups have passed them', async () => {
    const committed = await Promise.all(['billing', 'mail'].map(group => a.system.groups.committed(group)))
    return committed.flat().filter(({ offset }) => offset === 3n).length === 2
  })
  return { a, done, isMended }
}

describe('events that wait for a retry', () => {
  it('are listed with what keeps them waiting', async () => {
    const { a } = await shop()
    const { retries, more } = await operate(a)(retryList, { group: 'billing' })
    expect(retries).toEqual([
      {
        group: 'billing',
        id: 'id-0',
        event: 'orders/0/0',
        type: 'placed',
        key: 'bad',
        state: 'waits',
        attempts: 1,
        due: expect.any(Number) as number,
        error: 'not now',
      },
      {
        group: 'billing',
        id: 'id-2',
        event: 'orders/0/2',
        type: 'placed',
        key: 'bad',
        state: 'behind',
        attempts: 0,
        due: null,
        error: null,
      },
    ])
    expect(more).toBe(false)
    expect((await operate(a)(retryList, {})).retries).toHaveLength(4)
    expect(await operate(a)(retryList, { limit: 3 })).toMatchObject({ more: true })
  })

  it('run when somebody says so, and their key goes on', async () => {
    const { a, done, isMended } = await shop()
    isMended.value = true
    const answer = await operate(a)(retryRunNow, { id: 'id-0', group: 'billing' })
    expect(answer).toMatchObject({ event: 'orders/0/0', outcome: 'accepted', refused: null })
    await until('both have run', () => done.includes('billing bad 2'))
    expect(done.filter(one => one.includes('bad'))).toEqual(['billing bad 0', 'billing bad 2'])
    await until('nothing waits there', async () => {
      const { retries } = await operate(a)(retryList, { group: 'billing' })
      return retries.length === 0
    })
    await expect(operate(a)(retryRunNow, { id: 'id-0', group: 'billing' })).rejects.toMatchObject({
      code: 'RETRY_UNKNOWN',
    })
  })

  it('are given up only when that is carried out, and become dead letters', async () => {
    const { a } = await shop()
    const one = { id: 'orders/0/0', group: 'mail' }
    expect(await operate(a)(retryCancel, one)).toMatchObject({ executed: false, outcome: null })
    expect((await operate(a)(retryList, { group: 'mail' })).retries).toHaveLength(2)

    const why = { execute: true, reason: 'ticket 7' }
    expect(await operate(a)(retryCancel, one, why)).toMatchObject({ executed: true, outcome: 'accepted' })
    await until('its letter is there', async () => {
      for await (const { eventId, reason } of a.dead('mail').list())
        if (eventId === 'id-0' && reason === 'cancelled') return true
      return false
    })
    // The one behind it has its turn, and fails by itself.
    await until('the next of the key waits for its retry', async () => {
      const { retries } = await operate(a)(retryList, { group: 'mail' })
      return retries.length === 1 && retries[0]?.id === 'id-2' && retries[0].state === 'waits'
    })
  })

  it('are told apart where several groups wait with one', async () => {
    const { a } = await shop()
    await expect(operate(a)(retryRunNow, { id: 'id-0' })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      detail: expect.stringContaining('orders/0/0 in billing, orders/0/0 in mail') as string,
    })
  })
})
