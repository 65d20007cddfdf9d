import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseLedger } from 'holdfast/testing'
import { expect, onTestFinished, test } from 'vitest'
import { Latencies } from './percentiles.ts'
import { startLoad, type LoadOptions, type RunningLoad } from './start-load.ts'

interface Wanted {
  readonly rate?: number
  readonly seconds?: number
  readonly attempts?: number
  readonly timeoutMs?: number
  readonly maxInFlight?: number
  readonly threads?: number
  readonly signal?: AbortSignal
}

async function load(url: string, wanted: Wanted): Promise<RunningLoad & { readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-load-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const target = { url, headers: {}, attempts: wanted.attempts ?? 1 }
  const options: LoadOptions = {
    schedule: {
      phases: [{ name: 'base', seconds: wanted.seconds ?? 1, rate: wanted.rate ?? 50 }],
      keys: 4,
      zipf: 0,
      seed: 1,
      run: 'r',
      target: { body: '{"id":"{id}","data":{data}}', data: '{"key":"{key}"}' },
      poison: [],
    },
    target,
    timeoutMs: wanted.timeoutMs ?? 10_000,
    maxInFlight: wanted.maxInFlight ?? 1_000,
    folder,
    threads: wanted.threads ?? 1,
    signal: wanted.signal ?? new AbortController().signal,
  }
  return { folder, ...(await startLoad(options)) }
}

/** Answers `answer(n, times)` for the n-th event, asked for the `times`-th time. */
async function serve(
  answer: (n: number, times: number, response: Parameters<RequestListener>[1]) => void,
): Promise<{ url: string; ids: Set<string> }> {
  const asked = new Map<string, number>()
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', part => (body += String(part)))
    request.on('end', () => {
      const id = (JSON.parse(body) as { id: string }).id
      asked.set(id, (asked.get(id) ?? 0) + 1)
      ids.add(id)
      answer(Number(id.slice(2)), asked.get(id) ?? 0, response)
    })
  })
  const ids = new Set<string>()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, ids }
}

test('a server that stalls for 2 s in 10 shows in p99 near 1.9 s; a client that waits for answers would show almost nothing', async () => {
  let stalledUntil = 0
  let waited = 0
  const { url } = await serve((_, __, response) => {
    const ms = stalledUntil - performance.now()
    if (ms > 0) waited += 1
    setTimeout(() => response.writeHead(202).end(), Math.max(0, ms))
  })
  const running = await load(url, { seconds: 10 })
  await wait(4_000)
  stalledUntil = performance.now() + 2_000
  const closed = await closedLoop(url, 5_000)
  await running.finished
  const ledger = running.ledger()
  // The fault was there: the requests of two seconds waited.
  expect(waited).toBeGreaterThan(80)
  expect(running.tally.sums).toEqual({
    planned: 500,
    sent: 500,
    accepted: 500,
    refused: 0,
    unanswered: 0,
    unsent: 0,
  })
  expect(ledger.problems).toEqual([])
  const { p50, p99 } = running.tally.latency().accepted
  expect(p99).toBeGreaterThan(1_700)
  // A machine that does other things may add to it, but not another stall.
  expect(p99).toBeLessThan(3_500)
  expect(p50).toBeLessThan(1_000)
  // The client that waits for answers met the stall once, in its maximum; its p99 knows nothing of it.
  expect(closed.max).toBeGreaterThan(1_000)
  expect(closed.p95).toBeLessThan(1_000)
  expect(closed.p95).toBeLessThan(p99 / 2)
})

/** The usual mistake: the next request goes out when the last one is answered, and time counts from then. */
async function closedLoop(url: string, ms: number): Promise<ReturnType<Latencies['percentiles']>> {
  const latencies = new Latencies()
  for (const end = performance.now() + ms; performance.now() < end;) {
    const start = performance.now()
    await (await fetch(url, { method: 'POST', body: '{"id":"closed"}' })).arrayBuffer()
    latencies.record(performance.now() - start)
    await wait(Math.max(0, 20 - (performance.now() - start)))
  }
  return latencies.percentiles()
}

test('each answer counts for what it proves: only a clear no is a refusal, and a redirect is one', async () => {
  const answers = [
    (response: Parameters<RequestListener>[1]) => response.writeHead(202).end(),
    (response: Parameters<RequestListener>[1]) => response.writeHead(307, { location: '/elsewhere' }).end(),
    (response: Parameters<RequestListener>[1]) => response.writeHead(429).end(),
    (response: Parameters<RequestListener>[1]) => response.writeHead(503).end('{"code":"not_stored"}'),
    (response: Parameters<RequestListener>[1]) => response.writeHead(503).end('{"code":"outcome_unknown"}'),
    (response: Parameters<RequestListener>[1]) => response.writeHead(500).end(),
    (response: Parameters<RequestListener>[1]) => response.destroy(),
    () => {},
  ]
  const { url } = await serve((n, _, response) => answers[n % answers.length]?.(response))
  const running = await load(url, { rate: 32, timeoutMs: 1_500 })
  await running.finished
  const ledger = running.ledger()
  expect(running.tally.sums).toMatchObject({
    planned: 32,
    sent: 32,
    accepted: 4,
    refused: 12,
    unanswered: 16,
  })
  expect(running.tally.answers).toEqual({
    202: 4,
    307: 4,
    429: 4,
    '503 not_stored': 4,
    503: 4,
    500: 4,
    ECONNRESET: 4,
    TIMEOUT: 4,
  })
  const of = (n: number): string | undefined => ledger.entries.get(`r-${n}`)?.outcome
  expect([0, 1, 2, 3, 4, 5, 6, 7].map(of)).toEqual([
    'accepted',
    ...Array<string>(3).fill('refused'),
    ...Array<string>(4).fill('unanswered'),
  ])
})

test('what is due above the cap of requests under way is not sent, and counts', async () => {
  const { url } = await serve(() => {})
  const running = await load(url, { timeoutMs: 1_200, maxInFlight: 10 })
  await running.finished
  const ledger = running.ledger()
  expect(running.tally.sums).toMatchObject({ planned: 50, sent: 10, unsent: 40, unanswered: 10 })
  expect(running.tally.errorSeconds).toBe(1)
  expect([ledger.planned, ledger.entries.size]).toEqual([50, 50])
})

test('nobody listening is a refusal; with attempts an event is sent until it is accepted, and its sends are counted', async () => {
  const nobody = await load('http://127.0.0.1:1/', { seconds: 0.2 })
  await nobody.finished
  expect(nobody.tally.answers).toEqual({ ECONNREFUSED: 10 })
  expect(nobody.tally.sums.refused).toBe(10)

  const { url } = await serve((_, times, response) => response.writeHead(times === 3 ? 202 : 500).end())
  const running = await load(url, { seconds: 0.2, attempts: 3 })
  await running.finished
  const ledger = running.ledger()
  expect(running.tally.sums).toMatchObject({ sent: 10, accepted: 10, unanswered: 0 })
  expect(running.tally.amplification).toBe(3)
  expect([...ledger.entries.values()].every(({ outcome }) => outcome === 'accepted')).toBe(true)
})

test('several threads keep one schedule, and each of their ledgers knows everything the server was sent', async () => {
  const { url, ids } = await serve((_, __, response) => response.writeHead(202).end())
  const running = await load(url, { rate: 300, threads: 3 })
  await running.finished
  const ledger = running.ledger()
  expect([ledger.planned, ledger.entries.size, ids.size]).toEqual([300, 300, 300])
  expect(ledger.problems).toEqual([])
  const parts = [0, 1, 2].map(i => parseLedger(readFileSync(join(running.folder, `${i}.jsonl`), 'utf8')))
  expect(parts.map(({ planned }) => planned)).toEqual([100, 100, 100])
})

test('a load that is ended early cuts what is under way, and its sums still close', async () => {
  const ending = new AbortController()
  const { url, ids } = await serve(() => {})
  const running = await load(url, { seconds: 60, timeoutMs: 60_000, signal: ending.signal })
  await expect.poll(() => ids.size).toBeGreaterThan(20)
  ending.abort()
  await running.finished
  const ledger = running.ledger()
  const { planned, sent, unsent, unanswered } = running.tally.sums
  expect([planned, sent + unsent, ledger.entries.size]).toEqual([3_000, 3_000, 3_000])
  expect(unanswered).toBe(sent)
  expect(unsent).toBeGreaterThan(2_000)
  expect([...ids].filter(id => ledger.entries.get(id)?.outcome !== 'unanswered')).toEqual([])
})
