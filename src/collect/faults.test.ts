import { describe, expect, it } from 'vitest'
import { rig, withAppend } from '../../test/harness/collector.ts'
import { observed } from '../../test/harness/observed.ts'
import { until } from '../../test/harness/until.ts'
import { HoldfastError, type ErrorCode, type Logger } from '../event/index.ts'
import { checkRecordSizes, type Log } from '../log/index.ts'

const click = (id?: string): string => JSON.stringify({ type: 'click', id, data: { campaignId: 'c1' } })

/** A log of which the appends can be stalled or made to fail, in front of a real one. */
function faulty(): {
  readonly around: (log: Log) => Log
  fault:
    | { readonly kind: 'none' }
    | { readonly kind: 'stall' }
    | { readonly kind: 'fail'; readonly error: Error; readonly stored: boolean }
  /** How often the fault was met. */
  met: number
  resume(): void
} {
  const waiting: (() => void)[] = []
  const control: ReturnType<typeof faulty> = {
    fault: { kind: 'none' },
    met: 0,
    resume() {
      control.fault = { kind: 'none' }
      for (const go of waiting.splice(0)) go()
    },
    around: log =>
      withAppend(log, async (...args) => {
        const { fault } = control
        if (fault.kind === 'none') return await log.append(...args)
        control.met++
        if (fault.kind === 'stall') {
          await new Promise<void>(resolve => waiting.push(resolve))
          return await log.append(...args)
        }
        if (fault.stored) await log.append(...args)
        throw fault.error
      }),
  }
  return control
}

const failure = (code: ErrorCode): HoldfastError =>
  new HoldfastError(code, { detail: '/secret/path/on/disk' })

describe('503', () => {
  it.each(['LOG_FULL', 'LOG_CLOSED', 'LOG_TOPIC_UNKNOWN'] as const)(
    'is not_stored for %s: nothing was kept, and the sender may come again',
    async code => {
      const log = faulty()
      const { post, stored } = await rig({ around: log.around })
      log.fault = { kind: 'fail', error: failure(code), stored: false }
      const answer = await post(click('e1'))
      expect(log.met).toBe(1)
      expect([answer.status, answer.json.code, answer.json.retryable]).toEqual([503, 'not_stored', true])
      expect(answer.text).not.toContain('secret')
      log.resume()
      expect((await post(click('e1'))).json.duplicate).toBe(false)
      expect(await stored()).toHaveLength(1)
    },
  )

  it.each([failure('LOG_FAILED'), failure('INTERNAL'), new Error('EIO'), new TypeError('a bug')])(
    'hazard 2: is outcome_unknown for %s, with the ids, and the same id again is recognised',
    async error => {
      const log = faulty()
      const { post, stored } = await rig({ around: log.around })
      log.fault = { kind: 'fail', error, stored: true }
      const answer = await post(click('e1'))
      expect([answer.status, answer.json.code]).toEqual([503, 'outcome_unknown'])
      expect(answer.json.errors).toMatchObject([{ index: 0, id: 'e1', code: 'outcome_unknown' }])
      log.resume()
      expect((await post(click('e1'))).json.duplicate).toBe(true)
      expect(await stored()).toHaveLength(1)
    },
  )

  it('hazard 31: names the id that was made here', async () => {
    const log = faulty()
    const { post, stored } = await rig({ around: log.around })
    log.fault = { kind: 'fail', error: failure('LOG_FAILED'), stored: true }
    const { json } = await post(click())
    expect(json.errors[0].id).toBe((await stored())[0]?.id)
  })

  it('carries a Retry-After that is spread', async () => {
    const log = faulty()
    const { post } = await rig({ around: log.around })
    log.fault = { kind: 'fail', error: failure('LOG_FULL'), stored: false }
    const waits = new Set<number>()
    for (let i = 0; i < 20; i++) {
      const { headers, json } = await post(click())
      expect(Number(headers.get('retry-after'))).toBe(Math.ceil(json.retryAfterMs / 1000))
      expect(json.retryAfterMs).toBeGreaterThanOrEqual(1000)
      expect(json.retryAfterMs).toBeLessThanOrEqual(3000)
      waits.add(json.retryAfterMs)
    }
    expect(waits.size).toBeGreaterThan(10)
  })

  it('goes before refusals that would stay: a batch of both is sent again', async () => {
    const log = faulty()
    const { post } = await rig({ around: log.around })
    log.fault = { kind: 'fail', error: failure('LOG_FULL'), stored: false }
    const answer = await post(`[${click()},{"type":"click","data":{}}]`)
    expect([answer.status, answer.json.code]).toEqual([503, 'not_stored'])
    expect(answer.json.errors.map((e: { code: string }) => e.code)).toEqual([
      'not_stored',
      'schema_violation',
    ])
  })

  it('of one topic does not take the other topic with it', async () => {
    const log = faulty()
    const { post } = await rig({
      around: inner => {
        const broken = log.around(inner)
        return withAppend(inner, (topic, records) =>
          (topic === 'notes' ? broken : inner).append(topic, records),
        )
      },
    })
    log.fault = { kind: 'fail', error: failure('LOG_FULL'), stored: false }
    const answer = await post(`[${click()},{"type":"note","data":1}]`)
    expect(answer.status).toBe(207)
    expect(answer.json.results.map((r: { status: number }) => r.status)).toEqual([202, 503])
  })

  it('is not for events beside one that the log finds too large', async () => {
    const lines: string[] = []
    const { post, stored } = await rig({
      logger: recording(lines),
      around: log =>
        withAppend(log, async (topic, records) => {
          checkRecordSizes(topic, records, 1_000)
          return await log.append(topic, records)
        }),
    })
    const large = JSON.stringify({
      type: 'click',
      id: 'large',
      data: { campaignId: 'c1', fill: 'x'.repeat(2_000) },
    })
    const answer = await post(
      `[${click('a')},${large},${click('b')},${large.replace('large', 'larger')},${click('c')}]`,
    )
    expect(answer.json.results.map((r: { id: string; status: number }) => [r.id, r.status])).toEqual([
      ['a', 202],
      ['large', 413],
      ['b', 202],
      ['larger', 413],
      ['c', 202],
    ])
    expect((await stored()).map(event => event.id)).toEqual(['a', 'b', 'c'])
    expect((await post(large)).status).toBe(413)
    expect(lines).toEqual([])
  })

  it('ends NDJSON where the log failed; what was appended before is named', async () => {
    const log = faulty()
    const { post, stored } = await rig({
      around: inner => {
        const around = log.around(inner)
        let appends = 0
        return withAppend(inner, (topic, records) => {
          if (++appends === 3) log.fault = { kind: 'fail', error: failure('LOG_FULL'), stored: false }
          return around.append(topic, records)
        })
      },
      limits: { ndjsonChunkLines: 2 },
    })
    const lines = Array.from({ length: 9 }, (_, i) => click(`e${i}`))
    const answer = await post(lines.join('\n'), { 'content-type': 'application/x-ndjson' })
    expect(answer.status).toBe(207)
    expect(answer.json).toMatchObject({ accepted: 4, broken: { code: 'not_stored', retryable: true } })
    expect(answer.json.results).toHaveLength(6)
    expect((await stored()).map(event => event.id)).toEqual(['e0', 'e1', 'e2', 'e3'])
  })
})

describe('hazard 11: a log that stalls', () => {
  it('fills the bytes in flight, then refuses, and loses nothing of what it took', async () => {
    const log = faulty()
    const { post, stored } = await rig({
      around: log.around,
      limits: { maxInFlightBytes: 20_971_520, appendTimeoutMs: 600_000 },
    })
    log.fault = { kind: 'stall' }
    const asked = Array.from({ length: 20 }, (_, i) => post(bigBatch(i)))
    const early = await Promise.race(asked)
    expect([early.status, early.json.code]).toEqual([503, 'not_stored'])
    expect(early.headers.get('retry-after')).toMatch(/^[123]$/)
    const taken = log.met
    expect(taken).toBe(8)
    log.resume()
    const answers = await Promise.all(asked)
    expect(answers.filter(a => a.status === 202)).toHaveLength(taken)
    expect(answers.filter(a => a.status === 503)).toHaveLength(20 - taken)
    expect(await stored()).toHaveLength(taken * 10)
    expect((await post(bigBatch(99))).status).toBe(202)
  })

  it('hazard 88: is not filled up by one tenant for the others: it has half of the bytes in flight', async () => {
    const log = faulty()
    const { post } = await rig({
      around: log.around,
      keys: { pk_noisy: { tenant: 'noisy' }, pk_quiet: { tenant: 'quiet' } },
      limits: { maxInFlightBytes: 41_943_040, appendTimeoutMs: 600_000 },
    })
    log.fault = { kind: 'stall' }
    const send = (n: number, key: string): ReturnType<typeof post> => post(bigBatch(n), { 'x-api-key': key })
    const noisy = Array.from({ length: 12 }, (_, n) => send(n, 'pk_noisy'))
    const early = await Promise.race(noisy)
    expect([early.status, early.json.code]).toEqual([429, 'rate_limited'])
    expect(early.json.detail).toContain('of tenant noisy')
    expect(early.headers.get('retry-after')).toBe('1')
    await until('what of it fits', () => log.met === 8)
    const quiet = send(99, 'pk_quiet')
    await until('the other', () => log.met === 9)
    log.resume()
    const answers = await Promise.all(noisy)
    expect(answers.filter(a => a.status === 202)).toHaveLength(8)
    expect(answers.filter(a => a.status === 429)).toHaveLength(4)
    expect((await quiet).status).toBe(202)
    observed(
      '8 of 12 batches of one tenant waited for the log, 4 were refused; that of the other was taken in',
    )
  })

  it('may be filled up by a tenant that is alone: all of it, and then nothing is stored for anybody', async () => {
    const log = faulty()
    const { post } = await rig({
      around: log.around,
      keys: { pk_only: { tenant: 'only' } },
      limits: { maxInFlightBytes: 41_943_040, appendTimeoutMs: 600_000 },
    })
    log.fault = { kind: 'stall' }
    const asked = Array.from({ length: 20 }, (_, n) => post(bigBatch(n), { 'x-api-key': 'pk_only' }))
    const early = await Promise.race(asked)
    expect([early.status, early.json.code]).toEqual([503, 'not_stored'])
    await until('what fits', () => log.met === 16)
    log.resume()
    const answers = await Promise.all(asked)
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(16)
  })

  it('is not waited for endlessly: outcome_unknown, while its bytes stay counted until it moves', async () => {
    const log = faulty()
    const { post, stored } = await rig({
      around: log.around,
      limits: {
        appendTimeoutMs: 30,
        maxEventBytes: 1000,
        maxBodyBytes: 1000,
        maxInflatedBytes: 1000,
        maxInFlightBytes: 1000,
      },
    })
    log.fault = { kind: 'stall' }
    const body = JSON.stringify({
      type: 'click',
      id: 'e1',
      data: { campaignId: 'c1', fill: 'x'.repeat(500) },
    })
    expect((await post(body)).json.code).toBe('outcome_unknown')
    expect((await post(body)).json.code).toBe('not_stored')
    log.resume()
    await until('the late append', async () => (await stored()).length === 1)
    expect((await post(body)).json.duplicate).toBe(true)
  })
})

describe('hazard 13: ready()', () => {
  it('is true only after an append was durable, false while appends fail, and true again by itself', async () => {
    const log = faulty()
    let now = 0
    const lines: string[] = []
    const {
      collector,
      post,
      log: inner,
    } = await rig({
      around: log.around,
      clock: { now: () => Date.now(), monotonic: () => now, after: () => () => {} },
      logger: recording(lines),
    })
    expect(await collector.ready()).toEqual({ ready: true })
    expect((await inner.bounds({ topic: 'hf.ready', partition: 0 })).end).toBe(1n)
    now += 1_000
    expect(await collector.ready()).toEqual({ ready: true })
    expect((await inner.bounds({ topic: 'hf.ready', partition: 0 })).end).toBe(1n)

    now += 2_000
    log.fault = { kind: 'fail', error: failure('LOG_FULL'), stored: false }
    for (let i = 0; i < 3; i++)
      expect(await collector.ready()).toMatchObject({ ready: false, reason: /no room/ })
    expect(log.met).toBe(1)
    log.resume()
    expect(await collector.ready()).toMatchObject({ ready: false })
    now += 2_000
    expect(await collector.ready()).toEqual({ ready: true })
    expect(lines).toEqual([
      'warn: the log does not take events: they are answered 503',
      'info: the log takes events again',
    ])

    log.fault = { kind: 'fail', error: failure('LOG_FULL'), stored: false }
    expect((await post(click())).status).toBe(503)
    log.resume()
    expect((await post(click())).status).toBe(202)
    // One that failed a moment ago counts, though another did not: a small event may fit where a large one does not.
    expect(await collector.ready()).toMatchObject({ ready: false })
    expect(lines).toHaveLength(3)
    now += 2_000
    expect(await collector.ready()).toEqual({ ready: true })
    expect(lines).toHaveLength(4)
  })

  it('is false when the proof takes too long, and one proof serves all who ask', async () => {
    const log = faulty()
    const timers: (() => void)[] = []
    const { collector } = await rig({
      around: log.around,
      clock: { now: () => Date.now(), monotonic: () => 0, after: (_, fn) => (timers.push(fn), () => {}) },
    })
    log.fault = { kind: 'stall' }
    const asked = [collector.ready(), collector.ready()]
    await until('the proof to be under way', () => log.met === 1)
    for (const fire of timers) fire()
    expect(await Promise.all(asked)).toEqual(
      Array.from({ length: 2 }, () => ({ ready: false, reason: 'an append was not durable within 3000 ms' })),
    )
  })

  it('is false once the collector stops', async () => {
    const { collector, post } = await rig()
    await collector.stop()
    expect(await collector.ready()).toEqual({ ready: false, reason: 'the collector is stopping' })
    expect((await post(click())).json.code).toBe('not_stored')
  })
})

/** Ten events of 250 KB. */
function bigBatch(i: number): string {
  const data = { campaignId: 'c1', fill: 'x'.repeat(250_000) }
  return JSON.stringify(Array.from({ length: 10 }, (_, k) => ({ type: 'click', id: `e${i}-${k}`, data })))
}

function recording(lines: string[]): Logger {
  const at =
    (level: string) =>
    (_: object, message: string): void =>
      void lines.push(`${level}: ${message}`)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
