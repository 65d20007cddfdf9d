/**
 * Posts as fast as it is answered: each of its connections sends the next event when the last one was accepted. It
 * speaks HTTP by hand over plain sockets and looks for nothing but the status, since it shares the cores with the server.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { given, tell } from '../frame/stopwatch.ts'

const options = given<{ url: string; connections: number; seconds: number; text: string }>()
const { hostname, port, pathname } = new URL(options.url)
const run = process.pid

let sent = 0
let accepted = 0
let over = false

function nextRequest(): string {
  const n = sent++
  const data = `{"vehicle":"k${n % 10_000}","n":${n},"text":"${options.text}"}`
  const body = `{"type":"moved","id":"${run}-${n}","data":${data}}`
  return `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\nx-api-key: pk_bench\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

/** Resolves when it is over. */
function postAgainAndAgain(): Promise<unknown> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  let answer = ''
  socket.setEncoding('latin1')
  socket.on('connect', () => socket.write(nextRequest()))
  socket.on('error', fail)
  socket.on('data', (part: string) => {
    answer += part
    const head = answer.indexOf('\r\n\r\n')
    if (head === -1) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer)?.[1])
    if (answer.length < head + 4 + length) return
    if (!answer.startsWith('HTTP/1.1 202 ')) fail(new Error(answer))
    accepted++
    answer = ''
    if (over) socket.end()
    else socket.write(nextRequest())
  })
  return once(socket, 'close')
}

/** A refusal is cheap to answer: counting it would make a door that refuses look fast. */
function fail(error: Error): never {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

const connections = Array.from({ length: options.connections }, postAgainAndAgain)
// V8 compiles by count, not by time: a server that answers slowly, or on a busy machine, would be measured half compiled.
const started = performance.now()
do await wait(1_500)
while (accepted < 30_000 && performance.now() - started < 12_000)
const [before, began] = [accepted, performance.now()]
tell('begun')
await wait(options.seconds * 1000)
tell({ events: accepted - before, seconds: (performance.now() - began) / 1000 })
over = true
await Promise.all(connections)
tell({ total: accepted })
