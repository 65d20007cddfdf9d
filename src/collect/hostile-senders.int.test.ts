import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { answered, httpPost, rawConnection, rig, type Rig } from '../../test/harness/collector.ts'
import { until } from '../../test/harness/until.ts'
import type { CollectorOptions } from './index.ts'
import type { Listening } from './node-front.ts'

const click = (id: string): string => JSON.stringify({ type: 'click', id, data: { campaignId: 'c1' } })

const opened: Rig[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ collector }) => collector.stop()))
})

async function serving(options: Parameters<typeof rig>[0] = {}): Promise<Rig & { readonly at: Listening }> {
  const r = await rig(options)
  opened.push(r)
  return { ...r, at: await r.collector.listen(0) }
}

describe('hazard 4: a sender that goes away', () => {
  // The event itself is whole before the last byte, so only the end of the body tells whether the request is.
  const padded = `${click('half')}${' '.repeat(20)}`
  const bodies = {
    'by its length': httpPost(padded),
    'in chunks': Buffer.from(
      `${head(['Transfer-Encoding: chunked'])}${click('half').length.toString(16)}\r\n${click('half')}\r\n0\r\n\r\n`,
    ),
    'as lines': Buffer.from(
      httpPost(`${click('half')}\n${' '.repeat(20)}`)
        .toString()
        .replace('application/json', 'application/x-ndjson'),
    ),
  }
  const ways = Object.entries(bodies).flatMap(([name, bytes]) =>
    (['reset', 'end'] as const).map(how => ({ name, bytes, how })),
  )

  it.each(ways)(
    'sent $name, by $how, leaves nothing, at whichever byte before the last it went',
    async way => {
      const { at, collector, stored } = await serving()
      const senders = Array.from({ length: way.bytes.length }, async (_, length) => {
        const raw = rawConnection(at)
        await new Promise<void>(resolve => raw.socket.write(way.bytes.subarray(0, length), () => resolve()))
        if (way.how === 'reset') raw.socket.resetAndDestroy()
        else raw.socket.end()
        await raw.closed()
      })
      expect(senders.length).toBeGreaterThan(150)
      await Promise.all(senders)
      await collector.stop()
      expect(await stored()).toEqual([])
    },
  )

  it('leaves one whole event when it went after the last byte', async () => {
    const { at, stored } = await serving()
    const raw = rawConnection(at)
    raw.socket.write(httpPost(click('a')))
    raw.socket.end()
    await until('the event is stored', async () => (await stored()).length === 1)
    await raw.closed()
  })
})

describe('hazard 10: a sender that is slow on purpose', () => {
  const limits = {
    headerTimeoutMs: 200,
    bodyIdleTimeoutMs: 150,
    requestTimeoutMs: 1_000,
    minBodyBytesPerSecond: 1_000,
  } satisfies CollectorOptions['limits']

  it('with its headers is answered 408 and closed', async () => {
    const { at, stored } = await serving({ limits })
    expect(await drip(at, httpPost(click('a')), 20)).toMatch(/^HTTP\/1\.1 408[\s\S]*"code":"request_timeout"/)
    expect(await stored()).toEqual([])
  })

  it('with its body is answered 408 and closed, below the least rate', async () => {
    // A busy machine may hold up a byte for long, but not for a second each time.
    const patient = { ...limits, bodyIdleTimeoutMs: 1_000, requestTimeoutMs: 30_000 }
    const { at, stored } = await serving({ limits: patient })
    const bytes = httpPost(click('a'), ['X-Fill: ' + 'x'.repeat(10)])
    const cut = bytes.indexOf('\r\n\r\n') + 4
    const raw = rawConnection(at)
    raw.socket.write(bytes.subarray(0, cut))
    let sent = cut
    const timer = setInterval(() => raw.socket.write(bytes.subarray(sent, ++sent)), 50)
    const text = await raw.closed()
    clearInterval(timer)
    expect(text).toMatch(/^HTTP\/1\.1 408[\s\S]*slower than 1000 bytes a second/)
    expect(await stored()).toEqual([])
  })

  it('that stops within its body is answered 408 and closed', async () => {
    const { at, stored } = await serving({ limits })
    const raw = rawConnection(at)
    raw.socket.write(httpPost(click('a')).subarray(0, -1))
    expect(await raw.closed()).toMatch(/^HTTP\/1\.1 408[\s\S]*no byte came for 150 ms/)
    expect(await stored()).toEqual([])
  })

  it('through fetch is answered 408 too, and told that the rest is not wanted', async () => {
    const { post, stored } = await serving({ limits })
    const told = Promise.withResolvers<void>()
    const whole = httpPost(click('a')).subarray(-40)
    const body = new ReadableStream({
      start: queue => queue.enqueue(whole.subarray(0, -1)),
      cancel: () => told.resolve(),
    })
    const answer = await post(body)
    expect([answer.status, answer.json.detail]).toEqual([408, 'no byte came for 150 ms'])
    await told.promise
    expect(await stored()).toEqual([])
  })

  it('on many connections does not keep others waiting, and none of them stays', async () => {
    const { at } = await serving({ limits })
    const slow = Array.from({ length: 200 }, () => rawConnection(at))
    for (const { socket } of slow) socket.write(httpPost(click('a')).subarray(0, 40))
    const raw = rawConnection(at)
    raw.socket.write(httpPost(click('good')))
    expect(await raw.until(answered)).toContain('HTTP/1.1 202')
    raw.socket.destroy()
    const ends = await Promise.all(slow.map(one => one.closed()))
    expect(ends.filter(text => text.startsWith('HTTP/1.1 408'))).toHaveLength(200)
  })

  it('beyond the number of connections is closed at once', async () => {
    const { at } = await serving({ limits: { ...limits, headerTimeoutMs: 900, maxConnections: 2 } })
    const first = [rawConnection(at), rawConnection(at)]
    await Promise.all(first.map(({ socket }) => new Promise(resolve => socket.once('connect', resolve))))
    for (const { socket } of first) socket.write('POST ')
    const third = rawConnection(at)
    expect(await third.closed()).toBe('')
    for (const { socket } of first) socket.destroy()
  })
})

describe('hazard S7: requests that two readers read differently', () => {
  const body = click('smuggled')
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const corpus: readonly (readonly [string, string])[] = [
    [
      'Content-Length beside Transfer-Encoding',
      head([`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked']) + chunked,
    ],
    [
      'Transfer-Encoding beside Content-Length',
      head(['Transfer-Encoding: chunked', 'Content-Length: 4']) + chunked,
    ],
    ['two Content-Lengths', head(['Content-Length: 5', `Content-Length: ${body.length}`]) + body],
    ['a list of Content-Lengths', head([`Content-Length: ${body.length}, ${body.length}`]) + body],
    ['a Content-Length with a plus', head([`Content-Length: +${body.length}`]) + body],
    ['a hexadecimal Content-Length', head([`Content-Length: 0x${body.length.toString(16)}`]) + body],
    ['a negative Content-Length', head(['Content-Length: -1']) + body],
    ['an unknown Transfer-Encoding', head(['Transfer-Encoding: xchunked']) + chunked],
    ['chunked that is not last', head(['Transfer-Encoding: chunked, identity']) + chunked],
    ['a space before the colon', head([`Content-Length : ${body.length}`]) + body],
    [
      'a folded header',
      head(['X-A: b', ` Content-Length: ${body.length}`, `Content-Length: ${body.length}`]) + body,
    ],
    ['a header line without colon', head(['Garbage', `Content-Length: ${body.length}`]) + body],
    ['a bare line feed', head([`Content-Length: ${body.length}`]).replaceAll('\r\n', '\n') + body],
    ['a NUL in a header', head(['X-A: a\0b', `Content-Length: ${body.length}`]) + body],
    ['a chunk size that is none', `${head(['Transfer-Encoding: chunked'])}zz\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk longer than its size', `${head(['Transfer-Encoding: chunked'])}2\r\n${body}\r\n0\r\n\r\n`],
    [
      'a chunk size beyond all numbers',
      `${head(['Transfer-Encoding: chunked'])}fffffffffffffffff\r\n${body}\r\n0\r\n\r\n`,
    ],
    ['no Host', `${head([`Content-Length: ${body.length}`]).replace('Host: localhost\r\n', '')}${body}`],
    ['another protocol', `POST /v1/events HTTP/3.0\r\n\r\n`],
    ['TLS on a port without', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ]

  it.each(corpus)('%s: 400, closed, nothing stored', async (_, bytes) => {
    const { at, stored } = await serving({ limits: { bodyIdleTimeoutMs: 3_000 } })
    const raw = rawConnection(at)
    raw.socket.write(Buffer.from(bytes, 'latin1'))
    const text = await raw.closed()
    expect(text).toMatch(/^HTTP\/1\.1 400/)
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(await stored()).toEqual([])
  })

  it('and the same body sent as it should be is stored', async () => {
    const { at, stored } = await serving()
    const raw = rawConnection(at)
    raw.socket.write(head(['Transfer-Encoding: chunked']) + chunked)
    expect(await raw.until(answered)).toContain('HTTP/1.1 202')
    raw.socket.destroy()
    expect((await stored()).map(event => event.id)).toEqual(['smuggled'])
  })
})

describe('hazard S6: headers', () => {
  it('that are too large or too many are answered 431', async () => {
    const { at, stored } = await serving()
    for (const lines of [
      [`X-A: ${'x'.repeat(20_000)}`],
      Array.from({ length: 10_000 }, (_, i) => `X-${i}: 1`),
    ]) {
      const raw = rawConnection(at)
      raw.socket.write(httpPost(click('a'), lines))
      expect(await raw.closed()).toMatch(/^HTTP\/1\.1 431[\s\S]*"code":"headers_too_large"/)
    }
    expect(await stored()).toEqual([])
  })

  it('that are not UTF-8 do no harm', async () => {
    const { at, stored } = await serving()
    const raw = rawConnection(at)
    raw.socket.write(
      Buffer.from(
        httpPost(click('a'), ['X-Correlation-Id: \xff\xfe', 'hf-at: \x80']).toString('latin1'),
        'latin1',
      ),
    )
    expect(await raw.until(answered)).toContain('HTTP/1.1 202')
    raw.socket.destroy()
    expect((await stored())[0]?.acceptedAt).toBeGreaterThan(1e12)
  })
})

describe('hazard 9: bombs on many connections', () => {
  it('are refused while they are unpacked; memory stays bounded and others are answered', async () => {
    const { at, stored } = await serving()
    const bomb = gzipSync(Buffer.alloc(100_000_000, '[{"a":'))
    expect(100_000_000 / bomb.length).toBeGreaterThan(200)
    const bytes = httpPost(bomb, ['Content-Encoding: gzip'])
    const before = process.memoryUsage().rss
    let peak = before
    const bombs = Array.from({ length: 20 }, async () => {
      const raw = rawConnection(at)
      raw.socket.write(bytes)
      const text = await raw.until(answered)
      peak = Math.max(peak, process.memoryUsage().rss)
      raw.socket.destroy()
      return text
    })
    const good = rawConnection(at)
    good.socket.write(httpPost(click('good')))
    expect(await good.until(answered)).toContain('HTTP/1.1 202')
    good.socket.destroy()
    for (const text of await Promise.all(bombs))
      expect(text).toMatch(/^HTTP\/1\.1 413[\s\S]*"code":"inflate_limit"/)
    expect(peak - before).toBeLessThan(64 * 1024 * 1024)
    expect((await stored()).map(event => event.id)).toEqual(['good'])
  })
})

/** One byte every few milliseconds, until the other side has had enough. */
async function drip(at: Listening, bytes: Buffer, everyMs: number): Promise<string> {
  const raw = rawConnection(at)
  let sent = 0
  const timer = setInterval(() => raw.socket.write(bytes.subarray(sent, ++sent)), everyMs)
  try {
    return await raw.closed()
  } finally {
    clearInterval(timer)
    expect(sent).toBeLessThan(bytes.length)
  }
}

/** A request up to its body, with these header lines. */
function head(lines: readonly string[]): string {
  return [
    'POST /v1/events HTTP/1.1',
    'Host: localhost',
    'X-Api-Key: pk_demo',
    'Content-Type: application/json',
    ...lines,
    '\r\n',
  ].join('\r\n')
}
