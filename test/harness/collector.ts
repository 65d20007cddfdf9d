import type { AddressInfo } from 'node:net'
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { createCollector, type Collector, type CollectorOptions } from '../../src/collect/index.ts'
import { memory } from '../../src/drivers/memory/index.ts'
import {
  decodeEvent,
  offset,
  seededRandom,
  silentLogger,
  systemClock,
  type Clock,
  type Envelope,
} from '../../src/event/index.ts'
import type { Log } from '../../src/log/index.ts'
import { topic } from '../../src/schema/index.ts'

/** Two topics of tenant t1; t2 has one of its own. */
export const clicks = topic('events.raw', {
  partitions: 4,
  key: 'campaignId',
  events: {
    click: z.looseObject({ campaignId: z.string(), cents: z.number().optional() }),
    impression: z.looseObject({ campaignId: z.string() }),
  },
})
export const notes = topic('notes', { partitions: 1, events: { note: z.unknown() } })
export const foreign = topic('foreign', { partitions: 1, events: { secret: z.unknown() } })

export const keys = {
  pk_demo: { tenant: 't1', topics: ['events.raw', 'notes'], origins: ['https://shop.example'] },
  sk_notes: { tenant: 't1', topics: ['notes'] },
  pk_other: { tenant: 't2', topics: ['foreign'] },
} as const

export interface Rig {
  readonly collector: Collector
  readonly log: Log
  /** Stops the collector and closes its log. */
  readonly close: () => Promise<void>
  /** Posts through `fetch(Request)`, without a socket. */
  readonly post: (
    body: string | Uint8Array<ArrayBuffer> | ReadableStream,
    headers?: GivenHeaders,
    path?: string,
  ) => Promise<Answer>
  readonly get: (path: string, headers?: GivenHeaders, method?: string) => Promise<Answer>
  /** Everything in the log, in the order of topic, partition and offset. */
  readonly stored: () => Promise<Envelope[]>
}

/** Undefined takes a header away that is there by default. */
type GivenHeaders = Record<string, string | undefined>

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers freely
  readonly json: any
}

interface RigOptions {
  /** Puts faults between collector and log. */
  readonly around?: (log: Log) => Log
  /** Defaults to a log in memory. */
  readonly openLog?: OpenLog
}

export type OpenLog = (clock: Clock) => Promise<Log>

/** A collector on a log of its own. */
export async function rig(options: Partial<CollectorOptions> & RigOptions = {}): Promise<Rig> {
  const { around = (log: Log) => log, openLog = memoryLog, clock = systemClock, ...rest } = options
  const log = await openLog(clock)
  for (const declared of [clicks, notes, foreign])
    await log.topics.create(declared.name, { partitions: declared.partitions })
  const collector = createCollector({
    topics: [clicks, notes, foreign],
    log: around(log),
    keys,
    clock,
    random: seededRandom(7),
    lameDuckMs: 0,
    plainKeysByFetch: true,
    ...rest,
  })
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await collector.fetch(
      new Request(`http://localhost${path}`, { ...init, duplex: 'half' }),
    )
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parsed(text) }
  }
  return {
    collector,
    log,
    post: (body, headers = {}, path = '/v1/events') =>
      ask(path, {
        method: 'POST',
        body,
        headers: given({ 'content-type': 'application/json', 'x-api-key': 'pk_demo', ...headers }),
      }),
    get: (path, headers = {}, method = 'GET') =>
      ask(path, { method, headers: given({ 'x-api-key': 'pk_demo', ...headers }) }),
    stored: () => readAll(log),
    async close() {
      await collector.stop()
      await log.close()
    },
  }
}

export async function memoryLog(clock: Clock): Promise<Log> {
  const system = await memory().open({ clock, random: seededRandom(1), logger: silentLogger })
  return system.log
}

/** A log that appends by `append` and is `log` in everything else. */
export function withAppend(log: Log, append: Log['append']): Log {
  return new Proxy(log, {
    get(target, name) {
      if (name === 'append') return append
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

/** A POST of JSON as bytes, its length counted. */
export function httpPost(body: string | Buffer, more: readonly string[] = []): Buffer {
  const head = [
    'POST /v1/events HTTP/1.1',
    'Host: localhost',
    'X-Api-Key: pk_demo',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...more,
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body)])
}

/** Whether a whole answer was received. */
export function answered(text: string): boolean {
  return /^HTTP\/1\.1 (?!100)[\s\S]*\r\n\r\n[\s\S]*\}$/m.test(text)
}

/** A connection on which bytes can be sent as they are. */
export interface RawConnection {
  readonly socket: Socket
  /** Everything received so far. */
  text(): string
  /** Resolves when `condition` holds for what was received, or the other side closed. */
  until(condition: (text: string) => boolean): Promise<string>
  closed(): Promise<string>
}

export function rawConnection(at: Pick<AddressInfo, 'port'>): RawConnection {
  const socket = connect(at.port, '127.0.0.1')
  let received = ''
  socket.setEncoding('latin1')
  socket.on('error', () => {}) // resets are seen as the end
  const closed = new Promise<string>(resolve => socket.once('close', () => resolve(received)))
  socket.on('data', (chunk: string) => (received += chunk))
  return {
    socket,
    text: () => received,
    closed: () => closed,
    until: condition =>
      new Promise(resolve => {
        const look = (): void => {
          if (condition(received)) resolve(received)
        }
        socket.on('data', look)
        void closed.then(resolve)
        look()
      }),
  }
}

/** Everything in a log of these topics. */
export async function readAll(log: Log): Promise<Envelope[]> {
  const events: Envelope[] = []
  for (const { name, partitions } of [clicks, notes, foreign]) {
    for (let partition = 0; partition < partitions; partition++) {
      let from = offset(0)
      for (;;) {
        const at = { topic: name, partition, offset: from }
        const { records, next } = await log.read(
          at,
          { maxRecords: 1000, maxBytes: 10_000_000, waitMs: 0 },
          new AbortController().signal,
        )
        if (records.length === 0) break
        events.push(...records.map(decodeEvent))
        from = next
      }
    }
  }
  return events
}

function given(headers: GivenHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(entry => entry[1] !== undefined)) as Record<
    string,
    string
  >
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
