import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { toArray, until } from '../../test/support/wait.ts'
import { anyLog } from '../../test/support/test-logs.ts'
import { app, type App } from '../server/app.ts'
import { topic } from '../schema/index.ts'

const orders = topic('orders', {
  key: 'customer',
  partitions: 2,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

const refused = (): Error => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

async function allIsDone(a: App<boolean>): Promise<boolean> {
  return (await a.groups()).every(group => group.lag === 0n && group.parked === 0)
}

/** A service that can be taken away; it answers probes and calls alike, and counts both. */
function service() {
  const state = { up: true, calls: 0, refusals: 0, probes: 0 }
  return {
    state,
    call: (): void => {
      state.calls += 1
      if (!state.up) {
        state.refusals += 1
        throw refused()
      }
    },
    probe: async (): Promise<void> => {
      state.probes += 1
      if (!state.up) throw refused()
    },
  }
}

const quickBreaker = { failures: 5, window: '60s', probeAfter: '20ms', probeMax: '40ms' } as const

describe('outage of a dependency', () => {
  it('hazard 53: costs no attempt and no dead letter, however much longer it lasts than every retry', async () => {
    const geo = service()
    const attempts = new Set<number>()
    const a = app({ name: 'test', log: anyLog() })
    a.consumer('enrich', orders, {
      from: 'earliest',
      retry: ['1ms', '1ms'],
      needs: { geo: { probe: geo.probe, breaker: quickBreaker } },
    }).on('placed', e => {
      attempts.add(e.attempt)
      geo.call()
    })
    await a.start()
    geo.state.up = false
    for (let n = 0; n < 200; n++) await a.publish(orders, 'placed', { customer: `c${n % 20}`, n })
    // Long enough for dozens of probes: more than ten times the whole retry budget of 2 ms.
    await until(() => geo.state.probes > 20)
    expect(geo.state.refusals).toBeGreaterThanOrEqual(5)
    expect(a.breakers().find(one => one.name === 'geo')).toMatchObject({
      state: expect.stringMatching(/OPEN/),
    })
    const [paused] = await a.groups()
    expect(paused?.state).toBe('paused')
    expect(paused?.reason).toContain('geo is away')
    geo.state.up = true
    await until(() => allIsDone(a))
    expect([...attempts]).toEqual([1])
    expect(await toArray(a.dead('enrich').list())).toEqual([])
    expect(geo.state.calls - geo.state.refusals).toBe(200)
    expect(a.breakers().find(one => one.name === 'geo')?.state).toBe('CLOSED')
    await a.stop()
  })

  it('hazard 52: a healthy dependency is not blamed for poison', async () => {
    const geo = service()
    const a = app({ name: 'test', log: anyLog() })
    a.consumer('enrich', orders, {
      from: 'earliest',
      retry: [],
      deadShare: 1,
      needs: { geo: { probe: geo.probe, breaker: quickBreaker } },
    }).on('placed', () => {
      throw new RangeError('always')
    })
    await a.start()
    for (let n = 0; n < 40; n++) await a.publish(orders, 'placed', { customer: `c${n}`, n })
    await until(() => allIsDone(a))
    expect(await toArray(a.dead('enrich').list())).toHaveLength(40)
    expect(a.breakers().map(one => [one.state, one.transitions])).toEqual([
      ['CLOSED', 0],
      ['CLOSED', 0],
    ])
    await a.stop()
  })

  it('hazard 56: only the group that needs the dead one waits', async () => {
    const [geo, mail] = [service(), service()]
    const a = app({ name: 'test', log: anyLog() })
    const counts = { enrich: 0, notify: 0 }
    a.consumer('enrich', orders, {
      from: 'earliest',
      needs: { geo: { probe: geo.probe, breaker: quickBreaker } },
    }).on('placed', () => {
      geo.call()
      counts.enrich += 1
    })
    a.consumer('notify', orders, {
      from: 'earliest',
      needs: { mail: { probe: mail.probe, breaker: quickBreaker } },
    }).on('placed', () => {
      mail.call()
      counts.notify += 1
    })
    await a.start()
    geo.state.up = false
    for (let n = 0; n < 100; n++) await a.publish(orders, 'placed', { customer: `c${n}`, n })
    await until(() => counts.notify === 100)
    expect(counts.enrich).toBe(0)
    expect(geo.state.refusals).toBeGreaterThan(0)
    geo.state.up = true
    await until(() => counts.enrich === 100)
    await a.stop()
  })

  it('an unknown error while a dependency does not answer is its outage, not the event’s fault', async () => {
    const geo = service()
    const a = app({ name: 'test', log: anyLog() })
    let runs = 0
    a.consumer('enrich', orders, {
      from: 'earliest',
      retry: [],
      needs: { geo: { probe: geo.probe, breaker: quickBreaker } },
    }).on('placed', () => {
      runs += 1
      if (!geo.state.up) throw new Error('wrapped by some client')
    })
    await a.start()
    geo.state.up = false
    await a.publish(orders, 'placed', { customer: 'c', n: 1 })
    await until(() => runs >= 5)
    geo.state.up = true
    await until(() => allIsDone(a))
    expect(await toArray(a.dead('enrich').list())).toEqual([])
    await a.stop()
  })

  it('an onError that throws decides nothing: the default does', async () => {
    const a = app({ name: 'test', log: anyLog() })
    a.consumer('enrich', orders, {
      from: 'earliest',
      retry: [],
      onError: () => {
        throw new TypeError('in onError')
      },
    }).on('placed', () => {
      throw new RangeError('in the handler')
    })
    await a.start()
    await a.publish(orders, 'placed', { customer: 'c', n: 1 })
    await until(() => allIsDone(a))
    expect((await toArray(a.dead('enrich').list())).map(letter => letter.last.name)).toEqual(['RangeError'])
    await a.stop()
  })

  it('onError overrides: skip, dead, and pause for a declared dependency', async () => {
    const geo = service()
    const a = app({ name: 'test', log: anyLog() })
    let away = true
    a.consumer('enrich', orders, {
      from: 'earliest',
      retry: ['1ms'],
      needs: { geo: { probe: geo.probe, breaker: { ...quickBreaker, failures: 1 } } },
      onError: (_, e) => (['skip', 'dead', { pause: 'geo' }] as const)[(e.data as { n: number }).n],
    }).on('placed', e => {
      if (e.data.n < 2 || away) throw new Error('x')
    })
    await a.start()
    for (let n = 0; n < 3; n++) await a.publish(orders, 'placed', { customer: `c${n}`, n })
    await until(() => a.breakers().some(one => one.name === 'geo' && one.transitions > 0))
    away = false
    await until(() => allIsDone(a))
    const letters = await toArray(a.dead('enrich').list())
    expect(letters.map(letter => [letter.reason, letter.attempts])).toEqual([['verdict', 1]])
    await a.stop()
  })
})
