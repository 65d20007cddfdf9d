import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import {
  answered,
  httpPost,
  rawConnection,
  readAll,
  rig,
  withAppend,
  type Rig,
} from '../../test/harness/collector.ts'
import { until } from '../../test/harness/until.ts'
import { embedded } from '../drivers/embedded/index.ts'
import { seededRandom, silentLogger, systemClock, type Clock } from '../event/index.ts'
import type { Log } from '../log/index.ts'
import { virtualClock } from '../testing/virtual-clock.ts'
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

describe('a port of its own', () => {
  it('answers on a connection that is kept', async () => {
    const { at, stored } = await serving()
    const raw = rawConnection(at)
    raw.socket.write(Buffer.concat([httpPost(click('a')), httpPost(click('b'))]))
    const text = await raw.until(seen => seen.split('"duplicate"').length === 3)
    expect(text.match(/HTTP\/1\.1 202/g)).toHaveLength(2)
    raw.socket.destroy()
    expect(await stored()).toHaveLength(2)
  })

  it('refuses to be reached from elsewhere while a key is its own name', async () => {
    const { collector } = await rig()
    await expect(collector.listen(0, '0.0.0.0')).rejects.toThrow(/pk_demo.*makeKey/)
    await expect(collector.listen(0, '192.0.2.1')).rejects.toThrow(/127\.0\.0\.1/)
  })

  it('leaves paths that are not its own to whoever wants them, waits for their answers, and counts them', async () => {
    const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const counted: unknown[] = []
    const { at, collector } = await serving({
      otherwise({ url }, res) {
        if (url === '/broken') throw new Error('a mistake')
        asked.resolve()
        // As Express does it: the call is over long before the answer.
        void gate.promise.then(() => res.writeHead(201).end(`mine: ${url}`))
      },
      observer: { answered: ({ route, status }) => void counted.push([route, status]) },
    })
    const broken = await fetch(`${at.url}/broken`)
    expect([broken.status, await broken.json()]).toEqual([
      500,
      expect.objectContaining({ code: 'internal_error' }),
    ])
    expect((await fetch(`${at.url}/v1/limits`)).status).toBe(200)
    const slow = fetch(`${at.url}/orders/1?x=2`, { method: 'PUT', body: 'x' })
    await asked.promise
    const stopped = collector.stop({ lameDuckMs: 0 })
    gate.resolve()
    expect(await (await slow).text()).toBe('mine: /orders/1?x=2')
    await stopped
    expect(counted).toEqual([
      ['other', 500],
      ['/v1/limits', 200],
      ['other', 201],
    ])
  })

  it('answers as (req, res) handler within a server of somebody else', async () => {
    const { collector, stored } = await rig()
    const server = createServer((req, res) => void collector.handler(req, res))
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
    const raw = rawConnection(server.address() as AddressInfo)
    raw.socket.write(httpPost(click('a')))
    expect(await raw.until(answered)).toContain('HTTP/1.1 202')
    raw.socket.destroy()
    server.close()
    expect(await stored()).toHaveLength(1)
  })

  it('says so when a body parser in front of it has read the body', async () => {
    const messages: string[] = []
    const logger = {
      ...silentLogger,
      error: ({ err }: { err?: Error }) => void messages.push(String(err?.message)),
    }
    const { collector } = await rig({ logger })
    const server = createServer((req, res) => {
      req.resume()
      req.once('end', () => setImmediate(() => void collector.handler(req, res)))
    })
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
    const raw = rawConnection(server.address() as AddressInfo)
    raw.socket.write(httpPost(click('a')))
    expect(await raw.until(answered)).toContain('HTTP/1.1 500')
    expect(messages).toEqual([expect.stringContaining('before body parsers')])
    raw.socket.destroy()
    server.close()
  })

  it('asks for the body only when it wants it', async () => {
    const { at, stored } = await serving()
    const wanted = rawConnection(at)
    const bytes = httpPost(click('a'), ['Expect: 100-continue'])
    const cut = bytes.indexOf('\r\n\r\n') + 4
    wanted.socket.write(bytes.subarray(0, cut))
    expect(await wanted.until(text => text.includes('\r\n\r\n'))).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    wanted.socket.write(bytes.subarray(cut))
    expect(await wanted.until(answered)).toContain('HTTP/1.1 202')
    wanted.socket.destroy()
    const unwanted = rawConnection(at)
    const large = httpPost('x', ['Expect: 100-continue'])
      .toString()
      .replace('Content-Length: 1', 'Content-Length: 9999999')
    unwanted.socket.write(large.slice(0, large.indexOf('\r\n\r\n') + 4))
    const text = await unwanted.closed()
    expect(text).toMatch(/^HTTP\/1\.1 413/)
    expect(await stored()).toHaveLength(1)
  })

  it('lets a refused sender read the answer while it still sends', async () => {
    const { at } = await serving()
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sender = request(
        {
          ...at,
          method: 'POST',
          path: '/v1/events',
          headers: { 'x-api-key': 'nobody', 'content-length': 900_000 },
        },
        response => {
          resolve(response.statusCode)
          response.resume()
        },
      )
      sender.on('error', reject)
      sender.end(Buffer.alloc(900_000))
    })
    expect(status).toBe(401)
  })
})

it('hazard 10: closes a refused sender that goes on without end', async () => {
  const { at } = await serving()
  const raw = rawConnection(at)
  const endless = httpPost('')
    .toString()
    .replace('pk_demo', 'nobody')
    .replace('Content-Length: 0', 'Content-Length: 9000000000')
  raw.socket.write(endless)
  const more = Buffer.alloc(256 * 1024)
  const push = (): void => {
    while (raw.socket.writable && raw.socket.write(more));
  }
  raw.socket.on('drain', push)
  push()
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 401/)
  expect(raw.socket.bytesWritten).toBeGreaterThan(1024 * 1024)
})

function isRefused({ port }: Listening): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise(resolve => {
    socket.on('error', error => resolve('code' in error && error.code === 'ECONNREFUSED'))
    socket.on('connect', () => resolve(false)).on('connect', () => socket.destroy())
  })
}

describe('hazard 12: a stop under load', () => {
  it('loses no event that was answered, and cuts no request that was taken', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-stop-'))
    const openLog = async (clock: Clock): Promise<Log> =>
      (await embedded(folder).open({ clock, random: seededRandom(1), logger: silentLogger })).log
    const r = await serving({ lameDuckMs: 100, openLog })
    const agent = new Agent({ keepAlive: true, maxSockets: 16 })
    const accepted: string[] = []
    const cut: string[] = []
    let sent = 0
    let refused = 0
    let closing = 0
    const sender = async (): Promise<void> => {
      while (refused === 0) {
        const id = `e${sent++}`
        const result = await send(r.at, agent, click(id))
        if (result.kind === 'answer') {
          expect(result.status).toBe(202)
          accepted.push(id)
          if (result.connection === 'close') closing++
        } else if (result.code === 'ECONNREFUSED') refused++
        else cut.push(id)
      }
    }
    const senders = Array.from({ length: 16 }, sender)
    await until('500 events accepted', () => accepted.length > 500)
    const before = accepted.length
    await r.collector.stop()
    await Promise.all(senders)
    agent.destroy()
    expect(accepted.length).toBeGreaterThan(before)
    expect(closing).toBeGreaterThan(0)
    await r.log.close()
    const again = await openLog(systemClock)
    const kept = new Set((await readAll(again)).map(event => event.id))
    await again.close()
    rmSync(folder, { recursive: true })
    expect(accepted.filter(id => !kept.has(id))).toEqual([])
    // A connection that was closed while it was idle may meet a request: that was never taken.
    expect(cut.filter(id => kept.has(id))).toEqual([])
  })

  it('answers everyone who had connected, though the process was too busy to take them in', async () => {
    // Patience ends when the test says so: a machine may take its time for a hundred answers.
    const clock = virtualClock()
    const { at, collector } = await serving({ clock, lameDuckMs: 0 })
    const waiting = Array.from({ length: 100 }, () => rawConnection(at))
    for (const [n, { socket }] of waiting.entries()) socket.write(httpPost(click(`w${n}`)))
    // Most of them wait in the kernel: the loop takes in one a turn.
    await Promise.all(waiting.map(({ socket }) => once(socket, 'connect')))
    let stopped = false
    const stop = collector.stop().then(() => (stopped = true))
    for (const one of waiting) expect(await one.until(answered)).toMatch(/^HTTP\/1\.1 202/)
    await until('it has stopped', async () => {
      await clock.advance(500)
      return stopped
    })
    await stop
  })

  it('waits for what is under way, and ends what takes too long', async () => {
    const gate = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const r = await serving({
      around: log =>
        withAppend(log, async (topic, records) => {
          entered.resolve()
          await gate.promise
          return await log.append(topic, records)
        }),
    })
    const taken = rawConnection(r.at)
    taken.socket.write(httpPost(click('taken')))
    await entered.promise
    let stopped = false
    const stop = r.collector.stop().then(() => (stopped = true))
    await until('nobody is taken in any more', () => isRefused(r.at))
    expect(stopped).toBe(false)
    gate.resolve()
    expect(await taken.closed()).toMatch(/^HTTP\/1\.1 202[\s\S]*connection: close/i)
    await stop

    const stuck = Promise.withResolvers<void>()
    const hanging = await serving({
      stopTimeoutMs: 50,
      lameDuckMs: 0,
      around: log =>
        withAppend(log, () => {
          stuck.resolve()
          return new Promise(() => {})
        }),
      limits: { appendTimeoutMs: 300 },
    })
    const cut = rawConnection(hanging.at)
    cut.socket.write(httpPost(click('x')))
    await stuck.promise
    await hanging.collector.stop()
    await cut.closed()
  })
})

type Sent =
  | { readonly kind: 'answer'; readonly status: number | undefined; readonly connection: string | undefined }
  | { readonly kind: 'error'; readonly code: string | undefined }

function send(at: Listening, agent: Agent, body: string): Promise<Sent> {
  return new Promise(resolve => {
    const headers = { 'x-api-key': 'pk_demo', 'content-type': 'application/json' }
    const sender = request({ ...at, agent, method: 'POST', path: '/v1/events', headers }, response => {
      response.resume()
      response.once('end', () =>
        resolve({ kind: 'answer', status: response.statusCode, connection: response.headers.connection }),
      )
      response.once('error', (error: NodeJS.ErrnoException) => resolve({ kind: 'error', code: error.code }))
    })
    sender.once('error', (error: NodeJS.ErrnoException) => resolve({ kind: 'error', code: error.code }))
    sender.end(body)
  })
}
