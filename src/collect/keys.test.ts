import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { rig } from '../../test/harness/collector.ts'
import { isHoldfastError, seededRandom, systemClock } from '../event/index.ts'
import { topic } from '../schema/index.ts'
import { observed } from '../../test/harness/observed.ts'
import { keyRing, makeKey, type KeyOptions, type KeyRing } from './keys.ts'

const any = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) },
} as const
const a = topic('a', { events: { click: any } })
const b = topic('b', { events: { click: any, view: any } })

function ring(keys: Record<string, KeyOptions>, typeTopics = {}): KeyRing {
  return keyRing(keys, {
    topics: [a, b],
    typeTopics,
    keyEventsPerSecond: 100,
    tenantBytesPerSecond: 1_000,
    clock: systemClock,
  })
}

function fault(keys: Record<string, KeyOptions>, typeTopics = {}): string {
  try {
    ring(keys, typeTopics)
  } catch (error) {
    return isHoldfastError(error, 'CONFIG_INVALID') ? error.detail : `unexpected: ${String(error)}`
  }
  return 'accepted'
}

describe('keys', () => {
  it('hazard S4: are known by a hash: options hold nothing that could be sent', async () => {
    const { key, name, sha256 } = makeKey('sk', seededRandom(3))
    expect(key).toMatch(/^sk_[a-z0-9]{8}_[A-Za-z0-9]{38}$/)
    expect(key.startsWith(`${name}_`)).toBe(true)
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    const { post } = await rig({ keys: { [name]: { tenant: 't1', sha256 } }, plainKeysByFetch: false })
    const event = '{"type":"note","data":1}'
    expect((await post(event, { 'x-api-key': key })).status).toBe(202)
    expect((await post(event, { 'x-api-key': undefined, authorization: `Bearer ${key}` })).status).toBe(202)
    for (const wrong of [
      name,
      sha256,
      `${name}_${sha256}`,
      key.slice(0, -1),
      `${key}x`,
      key.replace('sk_', 'pk_'),
    ])
      expect((await post(event, { 'x-api-key': wrong })).json.code).toBe('key_unknown')
  })

  it('may stand in the URL when they are publishable', async () => {
    const { post } = await rig()
    const answer = await post(
      '{"type":"note","data":1}',
      { 'x-api-key': undefined },
      '/v1/events?key=pk_demo',
    )
    expect(answer.status).toBe(202)
  })

  it('differ in every part that is made', () => {
    const made = Array.from({ length: 100 }, () => makeKey('pk'))
    expect(new Set(made.map(({ name }) => name)).size).toBe(100)
    expect(new Set(made.map(({ key }) => key.split('_')[2])).size).toBe(100)
  })

  it('end in a check that tells a scanner or a typing error from a key', () => {
    const { key } = makeKey('pk', seededRandom(4))
    const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
    const value = key
      .slice(-6)
      .split('')
      .reduce((sum, digit) => sum * 62 + digits.indexOf(digit), 0)
    expect(value).toBe(crc32(key.slice(0, -6)))
  })

  it('are rotated with an overlap', () => {
    const fresh = makeKey('sk', seededRandom(1))
    const old = createHash('sha256').update('the one before').digest('hex')
    const keys = ring({ [fresh.name]: { tenant: 't', sha256: [old, fresh.sha256], topics: ['a'] } })
    expect(keys.find(fresh.key)?.tenant).toBe('t')
    const before = ring({ [fresh.name]: { tenant: 't', sha256: old, topics: ['a'] } })
    expect(before.find(fresh.key)).toBeUndefined()
  })

  it('refuse to start with what cannot work', () => {
    expect(fault({})).toContain('is empty')
    expect(fault({ demo: { tenant: 't' } })).toContain('pk_ or sk_')
    expect(fault({ pk_a: { tenant: 'a/b', topics: ['a'] } })).toContain('it holds /')
    expect(fault({ pk_a: { tenant: '', topics: ['a'] } })).toContain('it is empty')
    expect(fault({ pk_a: { tenant: 't', sha256: 'abc', topics: ['a'] } })).toContain('64 hexadecimal digits')
    expect(fault({ pk_a: { tenant: 't', topics: ['c'] } })).toContain(
      '"c", which the collector does not have',
    )
    expect(fault({ pk_a: { tenant: 't', topics: ['a'], eventsPerSecond: 0 } })).toContain('above 0')
  })

  it('refuse a type that could go to two topics, unless one is named', () => {
    expect(fault({ pk_a: { tenant: 't' } })).toContain('"click" to a and to b')
    expect(fault({ pk_a: { tenant: 't' } }, { click: b })).toBe('accepted')
    expect(
      ring({ pk_a: { tenant: 't' } }, { click: a })
        .find('pk_a')
        ?.routes.get('click'),
    ).toBe(a)
    expect(
      ring({ pk_a: { tenant: 't' } }, { click: b })
        .find('pk_a')
        ?.routes.get('click'),
    ).toBe(b)
    expect(
      ring({ pk_a: { tenant: 't', topics: ['b'] } })
        .find('pk_a')
        ?.routes.get('click'),
    ).toBe(b)
  })
})

describe('the rate of a key', () => {
  it('hazard 88: holds a tenant that sends fifty times its share to it, and costs another tenant nothing', async () => {
    let now = 0
    const { post, stored } = await rig({
      keys: {
        pk_noisy: { tenant: 'noisy', topics: ['notes'], eventsPerSecond: 10 },
        pk_quiet: { tenant: 'quiet', topics: ['notes'], eventsPerSecond: 10 },
      },
      clock: { now: () => Date.now(), monotonic: () => now, after: () => () => {} },
    })
    const send = async (key: string): Promise<number> =>
      (await post('{"type":"note","data":1}', { 'x-api-key': key })).status
    const answers: Record<string, number[]> = { pk_noisy: [], pk_quiet: [] }
    for (let second = 0; second < 3; second++, now += 1_000) {
      for (let n = 0; n < 500; n++) {
        answers['pk_noisy']?.push(await send('pk_noisy'))
        if (n % 50 === 0) answers['pk_quiet']?.push(await send('pk_quiet'))
      }
    }
    expect(answers['pk_quiet']).toEqual(Array.from({ length: 30 }, () => 202))
    const refused = answers['pk_noisy']?.filter(status => status === 429).length ?? 0
    expect(refused).toBe(1_500 - 30)
    expect(await stored()).toHaveLength(30 + 30)
    observed(`${refused} of 1,500 events of one tenant refused, 30 of 30 of the other taken in`)
  })

  it('hazard 88: is not all: the bytes of a tenant have one, too, whichever of its keys sends them', async () => {
    let now = 0
    const { post, stored } = await rig({
      keys: {
        pk_noisy: { tenant: 'noisy', topics: ['notes'] },
        sk_noisy: { tenant: 'noisy', topics: ['notes'] },
        pk_quiet: { tenant: 'quiet', topics: ['notes'] },
      },
      limits: { tenantBytesPerSecond: 1_000 },
      clock: { now: () => Date.now(), monotonic: () => now, after: () => () => {} },
    })
    const body = JSON.stringify({ type: 'note', data: 'x'.repeat(2_000) })
    const send = (key: string): ReturnType<typeof post> => post(body, { 'x-api-key': key })
    expect((await send('pk_noisy')).status).toBe(202)
    const refused = await send('sk_noisy')
    expect([refused.status, refused.json.code, refused.json.limit]).toEqual([429, 'rate_limited', 1_000])
    expect(refused.json.detail).toContain('tenant noisy may send 1000 bytes a second')
    expect(refused.headers.get('ratelimit')).toBe('"bytes";r=0;t=2')
    const sendLine = (key: string): ReturnType<typeof post> =>
      post(`${body}\n`, { 'x-api-key': key, 'content-type': 'application/x-ndjson' })
    expect((await sendLine('sk_noisy')).status).toBe(429)
    expect((await send('pk_quiet')).status).toBe(202)
    now += 1_100
    expect((await send('sk_noisy')).status).toBe(202)
    now += 3_100
    expect((await sendLine('sk_noisy')).status).toBe(202)
    expect((await send('pk_noisy')).status).toBe(429)
    expect(await stored()).toHaveLength(4)
    observed(
      '3 of 6 requests of one tenant refused for their bytes, by either key; that of the other taken in',
    )
  })

  it('refuses with 429 and says when to come again; time gives it back', async () => {
    let now = 0
    const { post, stored } = await rig({
      keys: { pk_slow: { tenant: 't1', topics: ['notes'], eventsPerSecond: 10 } },
      clock: { now: () => Date.now(), monotonic: () => now, after: () => () => {} },
    })
    const send = async (events: number): Promise<Awaited<ReturnType<typeof post>>> =>
      await post(JSON.stringify(Array.from({ length: events }, () => ({ type: 'note', data: 1 }))), {
        'x-api-key': 'pk_slow',
      })
    // More than the bucket holds passes once, and is then owed.
    expect((await send(25)).status).toBe(202)
    const refused = await send(1)
    expect([refused.status, refused.json.code]).toEqual([429, 'rate_limited'])
    expect(refused.headers.get('retry-after')).toBe('2')
    expect(refused.headers.get('ratelimit-policy')).toBe('"events";q=10;w=1')
    expect(refused.headers.get('ratelimit')).toBe('"events";r=0;t=2')
    now += 1_500
    expect((await send(1)).status).toBe(429)
    now += 101
    expect((await send(1)).status).toBe(202)
    now += 3_600_000
    expect((await send(10)).status).toBe(202)
    expect((await send(1)).status).toBe(429)
    expect(await stored()).toHaveLength(36)
  })
})
