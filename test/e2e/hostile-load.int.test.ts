import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { startLoad } from '../harness/load.ts'
import { observed } from '../harness/observed.ts'
import { scale, seed } from '../harness/scale.ts'
import { until } from '../harness/until.ts'
import { auditGroup, auditLog, expectClean } from './audited.ts'
import { startSystem, type System } from './system.ts'

/** A connection that sends a byte a second, first of its headers or of its body. */
interface SlowSender {
  readonly closed: Promise<{ readonly answer: string; readonly afterMs: number }>
}

test('hazard 10: senders that drip a byte a second are closed in time, and good ones are served meanwhile', async () => {
  const system = await startSystem({ groups: ['each'] })
  const count = scale({ short: 300, long: 2_000 })
  const load = await startLoad({
    ...system.load,
    run: 'g',
    ratePerSecond: 100,
    seconds: scale({ short: 13, long: 60 }),
    keys: 50,
    seed,
  })
  const slow: SlowSender[] = []
  for (let n = 0; n < count; n++) {
    slow.push(slowSender(system, n, n % 2 === 0 ? 'headers' : 'body'))
    if (n % 50 === 49) await wait(20) // not all in one backlog
  }
  const ends = await Promise.all(slow.map(one => one.closed))
  const { summary, ledger } = await load.finished()
  await system.drained()
  const timedOut = ends.filter(({ answer }) => answer.startsWith('HTTP/1.1 408')).length
  const slowest = Math.round(Math.max(...ends.map(({ afterMs }) => afterMs)))
  observed(
    `${timedOut} of ${count} slow senders answered 408 and closed, the last after ${slowest} ms; p99 of good ones ${summary.acceptedMs.p99} ms`,
  )
  expect(timedOut).toBe(count)
  // 10 s for the headers or without progress of the body, and what a busy machine adds.
  expect(slowest).toBeLessThan(scale({ short: 40_000, long: 30_000 }))
  expect(summary).toMatchObject({ refused: 0, unsent: 0, unanswered: 0 })
  // What slow ones had begun to send is nowhere: it would be a ghost.
  expectClean(await auditLog(system, ledger))
  expectClean(await auditGroup(system, ledger, 'each'))
})

test('hazard S18: senders that choose keys, types, paths and API keys at will add no series beyond the bound', async () => {
  const system = await startSystem({ groups: ['each'] })
  const series = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${system.adminPort}/metrics`)).text()
    return text.split('\n').filter(line => line !== '' && !line.startsWith('#')).length
  }
  const count = scale({ short: 2_000, long: 1_000_000 })
  const rate = scale({ short: 400, long: 2_000 })
  const load = await startLoad({
    ...system.load,
    run: 'v',
    ratePerSecond: rate,
    seconds: count / rate,
    keys: count,
    seed,
    // One in four is of a type that nobody declared.
    odd: { every: 4, body: '{"type":"made-up-{n}","id":"{id}","data":{data}}' },
  })
  const { origin } = new URL(system.load.url)
  const requests = scale({ short: 100, long: 2_000 })
  const answers = new Map<number, number>()
  for (let n = 0; n < requests; n++) {
    // Every second one with a key that is known, to a topic that is there: only its events are of made-up types.
    const known = n % 2 === 0
    const types = Array.from({ length: 100 }, (_, i) => ({ type: `t${n}-${i}`, id: `${n}-${i}`, data: {} }))
    const response = await fetch(`${origin}/v1/topics/${known ? 'moves' : `t${n}`}/events`, {
      method: 'POST',
      headers: { 'x-api-key': known ? 'pk_demo' : `pk_${n}`, 'content-type': 'application/json' },
      body: JSON.stringify(types),
    })
    await response.arrayBuffer()
    answers.set(response.status, (answers.get(response.status) ?? 0) + 1)
  }
  const { summary } = await load.finished()
  await system.drained()
  const after = await until('metrics are served', series)
  observed(
    `${summary.accepted} events with as many keys, ${summary.refused} of made-up types, ${requests * 100} more under made-up topics, types and API keys (answers ${JSON.stringify([...answers])}): ${after} series`,
  )
  expect(summary.accepted).toBeGreaterThan(count / 2)
  expect(summary.refused).toBeGreaterThan(0)
  expect([...answers.keys()].every(status => status >= 400)).toBe(true)
  expect(after).toBeLessThan(1_000)
})

function slowSender(system: System, n: number, what: 'headers' | 'body'): SlowSender {
  const url = new URL(system.load.url)
  const body = `{"type":"moved","id":"slow-${n}","data":{"vehicle":"s","n":1}}`
  const head = `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nX-Api-Key: pk_demo\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  const socket: Socket = connect(Number(url.port), url.hostname)
  const began = performance.now()
  let answer = ''
  let sent = what === 'headers' ? 4 : head.length
  let timer: NodeJS.Timeout | undefined
  socket.on('connect', () => {
    socket.write((head + body).slice(0, sent))
    timer = setInterval(() => socket.write((head + body).slice(sent, ++sent)), 1_000)
  })
  socket.setEncoding('latin1').on('data', text => (answer += text))
  socket.on('error', () => {}) // a reset counts by what was answered before it
  onTestFinished(() => void socket.destroy())
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  return {
    closed: closed.then(() => {
      clearInterval(timer)
      return { answer, afterMs: performance.now() - began }
    }),
  }
}
