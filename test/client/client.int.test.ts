import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { startLoad } from '../harness/load.ts'
import type { Load } from './plan.ts'

const load = (url: string): Omit<Load, 'ledger'> => ({
  url,
  ratePerSecond: 50,
  seconds: 2,
  keys: 4,
  seed: 1,
  run: 'r',
  body: '{"id":"{id}","data":{data}}',
  data: '{"key":"{key}"}',
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

test('a server that stalls for 2 s in 10 shows in p99, where a client that waits for answers would hide it', async () => {
  let stalledUntil = 0
  let waited = 0
  const url = await serve((request, response) => {
    request.resume().on('end', () => {
      const ms = stalledUntil - performance.now()
      if (ms > 0) waited += 1
      setTimeout(() => response.writeHead(202).end(), Math.max(0, ms))
    })
  })
  const running = await startLoad({ ...load(url), seconds: 10 })
  await wait(4_000)
  stalledUntil = performance.now() + 2_000
  const closed = await closedLoop(url, 50, 5_000)
  const { summary, ledger } = await running.finished()
  // The fault was there: the requests of two seconds waited.
  expect(waited).toBeGreaterThan(80)
  expect(summary).toMatchObject({ planned: 500, sent: 500, accepted: 500, unsent: 0, errorSeconds: 0 })
  expect(ledger.problems).toEqual([])
  expect(summary.acceptedMs.p99).toBeGreaterThan(1_700)
  // Half of the requests never met the stall, and a busy machine is no stall of 2 s.
  expect(summary.acceptedMs.p50).toBeLessThan(1_000)
  // The client that waits for answers met it once, in its maximum, and its other figures know nothing of it.
  expect(Math.max(...closed)).toBeGreaterThan(1_000)
  expect(percentile(closed, 0.98)).toBeLessThan(1_000)
})

/** The usual mistake: the next request goes out when the last one is answered, and time counts from then. */
async function closedLoop(url: string, ratePerSecond: number, ms: number): Promise<number[]> {
  const took: number[] = []
  for (const end = performance.now() + ms; performance.now() < end;) {
    const start = performance.now()
    await (await fetch(url, { method: 'POST', body: '{}' })).arrayBuffer()
    took.push(performance.now() - start)
    await wait(Math.max(0, 1_000 / ratePerSecond - (performance.now() - start)))
  }
  return took
}

function percentile(values: readonly number[], p: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * p) - 1] ?? 0
}

test('each answer counts for what it proves: only a clear no is a refusal, and a redirect is one', async () => {
  const answers: RequestListener[] = [
    (_, response) => response.writeHead(202).end(),
    (_, response) => response.writeHead(307, { location: '/elsewhere' }).end(),
    (_, response) => response.writeHead(429).end(),
    (_, response) => response.writeHead(503).end('{"code":"not_stored"}'),
    (_, response) => response.writeHead(503).end('{"code":"outcome_unknown"}'),
    (_, response) => response.writeHead(500).end(),
    request => request.socket.destroy(),
    () => {},
  ]
  const url = await serve((request, response) => {
    let body = ''
    request.on('data', part => (body += String(part)))
    request.on('end', () => {
      const n = Number(/r-(\d+)/.exec(body)?.[1])
      answers[n % answers.length]?.(request, response)
    })
  })
  const running = await startLoad({ ...load(url), timeoutMs: 1_500, ratePerSecond: 32, seconds: 1 })
  const { summary, ledger } = await running.finished()
  expect(summary).toMatchObject({ planned: 32, sent: 32, accepted: 4, refused: 12, unanswered: 16 })
  expect(summary.why).toEqual({
    '202': 4,
    '307': 4,
    '429': 4,
    '503 not_stored': 4,
    '503': 4,
    '500': 4,
    ECONNRESET: 4,
    TIMEOUT: 4,
  })
  const outcomes = Array.from({ length: 8 }, (_, n) => ledger.entries.get(`r-${n}`)?.outcome)
  expect(outcomes).toEqual(['accepted', ...Array(3).fill('refused'), ...Array(4).fill('unanswered')])
})

test('what is due above the cap of requests under way is not sent, and counts', async () => {
  const url = await serve(request => request.resume())
  const running = await startLoad({ ...load(url), timeoutMs: 1_000, maxInFlight: 10, seconds: 1 })
  const { summary, ledger } = await running.finished()
  expect(summary).toMatchObject({ planned: 50, sent: 10, unsent: 40, unanswered: 10 })
  expect(ledger.planned).toBe(50)
  expect(ledger.entries.size).toBe(50)
})

test('nobody listening is a refusal; with retries an event is sent until it is accepted', async () => {
  const nobody = await startLoad({ ...load('http://127.0.0.1:1/'), seconds: 0.2 })
  expect((await nobody.finished()).summary).toMatchObject({ refused: 10, why: { ECONNREFUSED: 10 } })

  const asked = new Map<string, number>()
  const url = await serve((request, response) => {
    let body = ''
    request.on('data', part => (body += String(part)))
    request.on('end', () => {
      asked.set(body, (asked.get(body) ?? 0) + 1)
      response.writeHead(asked.get(body) === 3 ? 202 : 500).end()
    })
  })
  const running = await startLoad({ ...load(url), seconds: 0.2, attempts: 3 })
  const { summary, ledger } = await running.finished()
  expect(summary).toMatchObject({ sent: 10, accepted: 10, unanswered: 0 })
  expect([...asked.values()]).toEqual(Array(10).fill(3))
  expect([...ledger.entries.values()].every(({ outcome }) => outcome === 'accepted')).toBe(true)
})

test('a killed client leaves a ledger that knows everything the server was sent', async () => {
  const got = new Set<string>()
  const url = await serve((request, response) => {
    let body = ''
    request.on('data', part => (body += String(part)))
    request.on('end', () => {
      got.add(/r-\d+/.exec(body)?.[0] ?? '')
      response.writeHead(202).end()
    })
  })
  const running = await startLoad({ ...load(url), ratePerSecond: 500, seconds: 30 })
  await expect.poll(() => got.size, { timeout: 20_000 }).toBeGreaterThan(300)
  expect(await running.client.kill()).toMatchObject({ code: null, signal: 'SIGKILL' })
  const ledger = running.ledgerSoFar()
  expect([...got].filter(id => !ledger.entries.has(id))).toEqual([])
  expect(ledger.problems).toEqual([])
})
