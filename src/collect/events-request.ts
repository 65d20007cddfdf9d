import { isUtf8 } from 'node:buffer'
import type { AnyTopic } from '../schema/index.ts'
import { batchAnswer, singleAnswer } from './answers.ts'
import { BodyBroken, type Inbound, type Reply } from './exchange.ts'
import type { InFlight, Lease } from './in-flight.ts'
import type { EventResult, Intake, IntakeContext } from './intake.ts'
import { sliceDocument } from './json-slice.ts'
import type { Key } from './keys.ts'
import { lineSplitter, type Line } from './lines.ts'
import type { ResolvedCollectorOptions } from './options.ts'
import { problemCatalogue, RequestRefused, type Problem } from './problems.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { bodyReader, type BodyReader } from './read-body.ts'
import { readEvent, type EventForm, type ReadEvent } from './read-event.ts'
import {
  bodyKindOf,
  clockSkewOf,
  correlationIdOf,
  derivedIds,
  encodingOf,
  traceparentOf,
} from './request-headers.ts'

/** Where the events of a request go and how they are written, as its path says. */
export interface EventsTarget {
  readonly topic: AnyTopic | undefined
  readonly form: Exclude<EventForm, 'cloudevents'>
  /** Of every flat event. Undefined: each says its own. */
  readonly type?: string | undefined
}

export interface EventsRequest {
  /** Answers a POST of events. Throws {@link RequestRefused} for what concerns the whole request. */
  answer(inbound: Inbound, key: Key, target: EventsTarget): Promise<Reply>
  /** Ends its timers; for when nothing is under way any more. */
  close(): void
}

export function eventsRequest(
  options: ResolvedCollectorOptions,
  intake: Intake,
  flight: InFlight,
): EventsRequest {
  const reader = bodyReader(options.limits, options.clock)
  return {
    close: () => reader.close(),
    async answer(inbound, key, target) {
      const kind = bodyKindOf(inbound)
      const encoding = encodingOf(inbound)
      checkRate(key)
      const lease = flight.lease(key.tenant)
      try {
        const context: IntakeContext = {
          key,
          topic: target.topic,
          correlationId: correlationIdOf(inbound),
          traceparent: traceparentOf(inbound),
          clockSkewMs: clockSkewOf(inbound, options.clock),
          derivedId: derivedIds(inbound),
          lease,
        }
        const form = kind === 'cloudevents' ? 'cloudevents' : target.form
        const { type } = target
        const reading: Reading = { options, reader, intake, inbound, encoding, form, type, context }
        return await (kind === 'ndjson' ? answerLines(reading) : answerDocument(reading))
      } finally {
        lease.release()
      }
    },
  }
}

interface Reading {
  readonly options: ResolvedCollectorOptions
  readonly reader: BodyReader
  readonly intake: Intake
  readonly inbound: Inbound
  readonly encoding: ReturnType<typeof encodingOf>
  readonly form: EventForm
  readonly type: string | undefined
  readonly context: IntakeContext
}

/** One JSON object, or an array of them. Nothing is appended before all of the body was read. */
async function answerDocument(reading: Reading): Promise<Reply> {
  const { options, reader, intake, inbound, encoding, context } = reading
  const { limits, log, random } = options
  const bounds = { encoding, maxBytes: limits.maxBodyBytes, maxInflatedBytes: limits.maxInflatedBytes }
  const body = await reader.whole(inbound, bounds, context.lease)
  context.key.bytes.take(body.length)
  const { single, events } = readDocument(body, reading)
  context.key.rate.take(events.length)
  const results = await intake.take(events, context)
  const [first] = results
  return single && first
    ? singleAnswer(first, log.durability, random)
    : batchAnswer(results, log.durability, random)
}

function readDocument(
  body: Buffer,
  { options, form, type }: Reading,
): { readonly single: boolean; readonly events: readonly ReadEvent[] } {
  const { limits, unstorableText } = options
  if (!isUtf8(body)) throw malformed('it is not UTF-8')
  const sliced = sliceDocument(body, limits.maxEvents)
  if (sliced.kind === 'malformed') throw malformed(`it breaks at byte ${sliced.at}`)
  if (sliced.kind === 'too-many') {
    const limit = limits.maxEvents
    throw new RequestRefused({
      code: 'too_many_events',
      detail: `the array has more than ${limit} events`,
      limit,
    })
  }
  const spans = sliced.kind === 'one' ? [sliced.span] : sliced.spans
  if (spans.length === 0) throw new RequestRefused({ code: 'no_events', detail: 'the array is empty' })
  const events = spans.map(span => readEvent(body, span, { form, type, limits, unstorableText }))
  // A document is JSON as a whole or not at all.
  for (const event of events)
    if (event.kind === 'refused' && event.problem.code === 'malformed_json')
      throw malformed(event.problem.detail)
  return { single: sliced.kind === 'one', events }
}

/**
 * One JSON object a line, appended in chunks while more lines come. Each chunk is awaited before the next is read, so
 * that order holds and a slow log slows the sender. When the body breaks, is refused or the log fails, what was
 * appended stays, and the answer names it.
 */
async function answerLines(reading: Reading): Promise<Reply> {
  const { options, reader, inbound, encoding } = reading
  const { limits, log, random } = options
  const batch = new LineBatch(reading)
  const bounds = { encoding, maxBytes: limits.maxNdjsonBytes, maxInflatedBytes: limits.maxNdjsonBytes }
  let broken: Problem | undefined
  try {
    await reader.read(inbound, bounds, bytes => batch.push(bytes))
    await batch.end()
  } catch (error) {
    if (error instanceof RequestRefused) broken = error.problem
    else if (error instanceof BodyBroken)
      broken = { code: 'body_incomplete', detail: 'the body ended within a line' }
    else throw error
  } finally {
    batch.pay()
  }
  return batchAnswer(batch.results, log.durability, random, broken)
}

class LineBatch {
  readonly #reading: Reading
  readonly #splitter: ReturnType<typeof lineSplitter>
  readonly #lease: Lease
  /** Of the lines that were appended or refused so far. */
  readonly results: EventResult[] = []
  readonly #waiting: ReadEvent[] = []
  #waitingBytes = 0
  #leased = 0
  /** Bytes that came and do not count for the rate of the tenant yet. */
  #unpaid = 0
  #lines = 0

  constructor(reading: Reading) {
    this.#reading = reading
    this.#splitter = lineSplitter(reading.options.limits.maxEventBytes)
    this.#lease = reading.context.lease
  }

  /** Takes bytes in; answers a promise when a chunk of lines is being appended. */
  push(bytes: Uint8Array): void | Promise<void> {
    this.#lease.grow(bytes.length)
    this.#leased += bytes.length
    this.#unpaid += bytes.length
    for (const line of this.#splitter.push(bytes)) this.#add(line)
    if (this.#isChunk(this.#waiting.length, this.#waitingBytes)) return this.#append('whole chunks')
  }

  /** The body is complete: takes in its last line, and appends what is left. */
  async end(): Promise<void> {
    const last = this.#splitter.rest()
    if (last) this.#add(last)
    if (this.#waiting.length > 0) await this.#append('everything')
  }

  /** Behind the look at the rate: bytes that are more than a second's worth would refuse themselves, for ever. */
  pay(): void {
    this.#reading.context.key.bytes.take(this.#unpaid)
    this.#unpaid = 0
  }

  #add(line: Line): void {
    const { form, options, type } = this.#reading
    const { limits, unstorableText } = options
    if (line.kind === 'line' && isBlank(line.bytes)) return
    if (++this.#lines > limits.maxNdjsonLines) {
      const limit = limits.maxNdjsonLines
      throw new RequestRefused({
        code: 'too_many_events',
        detail: `the body has more than ${limit} lines`,
        limit,
      })
    }
    this.#waiting.push(readLine(line, { form, type, limits, unstorableText }))
    this.#waitingBytes += sizeOf(this.#waiting.at(-1))
  }

  /** A chunk is full by lines, or by bytes: the log takes only so much at once. */
  #isChunk(lines: number, bytes: number): boolean {
    const { ndjsonChunkLines, maxBodyBytes } = this.#reading.options.limits
    return lines >= ndjsonChunkLines || bytes >= maxBodyBytes
  }

  async #append(what: 'whole chunks' | 'everything'): Promise<void> {
    const { intake, context } = this.#reading
    while (this.#waiting.length > 0) {
      if (what === 'whole chunks' && !this.#isChunk(this.#waiting.length, this.#waitingBytes)) break
      checkRate(context.key)
      this.pay()
      const chunk = this.#nextChunk()
      context.key.rate.take(chunk.length)
      const results = await intake.take(chunk, context, this.results.length)
      this.results.push(...results)
      for (const result of results) {
        // The log does not take events now: what follows is better sent again than tried.
        if (result.kind === 'refused' && problemCatalogue[result.problem.code].status === 503)
          throw new RequestRefused(result.problem)
      }
    }
    this.#lease.shrink(this.#leased - this.#waitingBytes)
    this.#leased = this.#waitingBytes
  }

  #nextChunk(): readonly ReadEvent[] {
    let lines = 0
    let bytes = 0
    while (lines < this.#waiting.length && !this.#isChunk(lines, bytes))
      bytes += sizeOf(this.#waiting[lines++])
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, lines)
  }
}

/** What a line counts for, once it was read. */
function sizeOf(read: ReadEvent | undefined): number {
  return read?.kind === 'event' ? read.event.payload.length : 0
}

function readLine(line: Line, rules: Parameters<typeof readEvent>[2]): ReadEvent {
  if (line.kind === 'too-long') {
    const limit = rules.limits.maxEventBytes
    return refused({ code: 'event_too_large', detail: `the line has more than ${limit} bytes`, limit })
  }
  if (!isUtf8(line.bytes)) return refused({ code: 'malformed_json', detail: 'the line is not UTF-8' })
  const sliced = sliceDocument(line.bytes, 1)
  if (sliced.kind === 'one') return readEvent(line.bytes, sliced.span, rules)
  const detail = sliced.kind === 'malformed' ? `the line breaks at byte ${sliced.at}` : 'the line is an array'
  return refused({ code: 'malformed_json', detail })
}

function refused(problem: Problem): ReadEvent {
  return { kind: 'refused', problem, id: undefined }
}

function isBlank(line: Buffer): boolean {
  return line.every(byte => byte === 0x20 || byte === 0x09 || byte === 0x0d)
}

function checkRate({ name, tenant, rate, bytes }: Key): void {
  if (rate.waitMs() > 0)
    throw tooFast(rate, `key ${name} may send ${rate.perSecond} events a second`, 'events', '')
  if (bytes.waitMs() > 0) {
    const detail = `tenant ${tenant} may send ${bytes.perSecond} bytes a second`
    throw tooFast(bytes, detail, 'bytes', ';qu="content-bytes"')
  }
}

/** RateLimit headers as draft-ietf-httpapi-ratelimit-headers writes them: what is left of this second. */
function tooFast(rate: RateLimiter, detail: string, policy: string, unit: string): RequestRefused {
  const retryAfterMs = rate.waitMs()
  return new RequestRefused(
    { code: 'rate_limited', detail, limit: rate.perSecond, retryAfterMs },
    {
      'ratelimit-policy': `"${policy}";q=${rate.perSecond};w=1${unit}`,
      ratelimit: `"${policy}";r=${rate.left()};t=${Math.ceil(retryAfterMs / 1000)}`,
    },
  )
}

function malformed(detail: string): RequestRefused {
  return new RequestRefused({ code: 'malformed_json', detail })
}
