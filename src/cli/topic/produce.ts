import { createReadStream, existsSync } from 'node:fs'
import path from 'node:path'
import {
  encodeEvent,
  HoldfastError,
  newEventId,
  RESERVED_HEADER_PREFIX,
  RESERVED_TOPIC_PREFIX,
  sha256,
  systemClock,
  systemRandom,
  type Headers,
} from '../../event/index.ts'
import type { AppendRecord, LogSystem } from '../../log/index.ts'
import { draftEvent } from '../../publish/index.ts'
import { isLaneOrDeadTopic } from '../../recover/index.ts'
import type { AnyTopic } from '../../schema/index.ts'
import { topicsOf, type Declared } from '../../server/declared.ts'
import { CliError, exitCode } from '../exit-code.ts'
import type { CliIo } from '../io.ts'
import { onLog, type OnLogOptions } from '../on-log.ts'
import { givenIn, type Given, type InputForm } from './produce-lines.ts'

/** Of an app that is given the schemas are known as well: events are held against them. */
export interface ProduceOptions extends OnLogOptions {
  readonly key?: string
  readonly header?: readonly string[]
  readonly type?: string
  readonly file?: string
  readonly input: InputForm
  readonly count: number
}

const SOURCE = '/cli'
/** Records of one append: a long input becomes durable in parts, and memory holds one of them. */
const BATCH = 500

/** Appends what is given on stdin or in a file, and prints the receipt of each event once it is durable. */
export async function topicProduce(topic: string, options: ProduceOptions, io: CliIo): Promise<void> {
  if (topic.startsWith(RESERVED_TOPIC_PREFIX) || isLaneOrDeadTopic(topic)) {
    throw new CliError(`${topic} is written by Holdfast alone`, exitCode.refused, {
      next: 'Name a topic of events.',
    })
  }
  await onLog(options, io, async ({ system, declared: app }) => {
    // A topic that is not an affair of the app whose log it is can be written to; one that was named for its contract has it.
    const declared = app && declaredTopic(app, topic, options.app === undefined)
    const record = recordMaker(declared, options)
    if (declared) await create(system, declared)
    else io.err(unchecked(options))
    const counts = { appended: 0, known: 0 }
    let batch: AppendRecord[] = []
    const flush = async (): Promise<void> => {
      const outcomes = await system.log.append(topic, batch)
      batch = []
      for (const { kind, position } of outcomes) {
        if (kind === 'conflict')
          throw new HoldfastError('EVENT_CONFLICT', {
            detail: `at ${position.topic}/${position.partition} offset ${position.offset}`,
          })
        counts[kind === 'appended' ? 'appended' : 'known'] += 1
        io.out(`${position.topic}.${position.partition}.${position.offset}\n`)
      }
      await io.taken?.()
    }
    for await (const given of givenIn(inputOf(options, io), options.input)) {
      for (let n = 0; n < options.count; n++) {
        batch.push(record(given))
        if (batch.length >= BATCH) await flush()
      }
    }
    if (batch.length > 0) await flush()
    const known = counts.known === 0 ? '' : `, ${counts.known} were known by their ids`
    io.err(`${counts.appended} events are durable in ${topic} (${system.log.durability})${known}\n`)
  })
}

function declaredTopic(app: Declared, name: string, isOptional: boolean): AnyTopic | undefined {
  const topics = topicsOf(app)
  const found = topics.find(topic => topic.name === name)
  if (found || isOptional) return found
  throw new CliError(`the app declares no topic ${name}`, exitCode.notFound, {
    next: `It declares ${topics.map(topic => topic.name).join(', ') || 'none'}.`,
  })
}

async function create(
  { log }: LogSystem,
  { name, partitions, retainMs, retainBytes }: AnyTopic,
): Promise<void> {
  await log.topics.create(name, { partitions, retentionMs: retainMs, retentionBytes: retainBytes })
}

function unchecked({ type }: ProduceOptions): string {
  const what =
    type === undefined
      ? 'records are appended as they are given; groups cannot read one without the headers of an event (--type makes them)'
      : `events of type ${type} are appended with whatever data they have`
  return `Not checked against a schema, because no app that declares the topic was given: ${what}.\n`
}

function inputOf({ file }: ProduceOptions, io: CliIo): AsyncIterable<Uint8Array> {
  if (file !== undefined && file !== '-') {
    if (existsSync(file)) return createReadStream(file)
    throw new CliError(`there is no file ${path.resolve(file)}`, exitCode.notFound, {
      next: 'Name a file, or - for stdin.',
    })
  }
  if (io.input) return io.input
  throw new CliError('there is no input', exitCode.usage, {
    next: 'Pipe events in, or name a file: --file F',
  })
}

/** How a record is made: checked and keyed by the topic's contract, or as it was given. */
function recordMaker(topic: AnyTopic | undefined, options: ProduceOptions): (given: Given) => AppendRecord {
  const headers = headersOf(options.header ?? [])
  return given => {
    const whole = { ...given, headers: { ...outside(given.headers), ...headers } }
    const type = options.type ?? given.type ?? whole.headers['ce_type']
    return topic ? checked(topic, type, whole, options) : raw(type, whole, options)
  }
}

function checked(
  topic: AnyTopic,
  type: string | undefined,
  given: Given,
  options: ProduceOptions,
): AppendRecord {
  if (type === undefined) {
    throw new CliError('an event needs a type', exitCode.usage, {
      next: `Give --type, or "type" in each line: ${[...topic.types.keys()].join(', ')}.`,
    })
  }
  const id = given.id ?? given.headers['ce_id']
  const { record } = draftEvent(
    { topic, type, data: jsonOf(given) },
    {
      id,
      tenant: given.headers['ce_tenant'],
      correlationId: given.headers['ce_correlationid'],
      traceparent: given.headers['ce_traceparent'],
    },
    { source: given.headers['ce_source'] ?? SOURCE },
    { clock: systemClock, random: systemRandom },
  )
  // The payload as it was given: large numbers, and names that repeat, would not survive being written again.
  const value = given.value ?? record.value
  return { ...record, value, key: options.key ?? record.key, dedup: dedupOf(id, record.headers, value) }
}

function jsonOf({ value }: Given): unknown {
  try {
    return JSON.parse(Buffer.from(value ?? []).toString()) as unknown
  } catch (error) {
    throw new HoldfastError('EVENT_SCHEMA', { detail: `the payload is no JSON: ${String(error)}` })
  }
}

function raw(type: string | undefined, given: Given, options: ProduceOptions): AppendRecord {
  const key = options.key ?? given.key
  const { value } = given
  const chosen = given.id ?? given.headers['ce_id']
  if (type === undefined) return { key, value, headers: given.headers }
  const now = systemClock.now()
  const id = chosen ?? newEventId(systemClock, systemRandom)
  const { headers } = encodeEvent({
    id,
    source: given.headers['ce_source'] ?? SOURCE,
    type,
    version: 1,
    time: new Date(now).toISOString(),
    correlationId: id,
    acceptedAt: now,
    extensions: {},
    key,
    data: value,
  })
  const all = { ...headers, ...given.headers, ce_id: id, ce_type: type }
  return { key, value, headers: all, dedup: dedupOf(chosen, all, value) }
}

/** Only an id that was chosen can come again. */
function dedupOf(id: string | undefined, headers: Headers, value: Uint8Array | null): AppendRecord['dedup'] {
  if (id === undefined) return undefined
  const source = headers['ce_source'] ?? SOURCE
  return { scope: headers['ce_tenant'] ?? '', source, id, hash: sha256(value ?? '') }
}

/** Ours are written by us alone. */
function outside(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.startsWith(RESERVED_HEADER_PREFIX)),
  )
}

function headersOf(given: readonly string[]): Headers {
  return outside(
    Object.fromEntries(
      given.map(text => {
        const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
        if (name !== undefined && value !== undefined) return [name.toLowerCase(), value]
        throw new CliError(`${text} is no header`, exitCode.usage, { next: 'Give it as name=value.' })
      }),
    ),
  )
}
