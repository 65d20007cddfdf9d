import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { GroupSettings } from '../consume/index.ts'
import { breaks, same, type AnyTopic, type Break, type EventType, type JsonSchema } from '../schema/index.ts'
import { topicsOf, type Declared } from '../server/declared.ts'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { loadApp } from './load-app.ts'
import { table } from './table.ts'

export interface SchemaCheckOptions {
  readonly dir: string
  /** Writes the snapshots, unless something breaks. */
  readonly update?: boolean
  /** With `update`: writes them all the same. */
  readonly acceptBreaking?: boolean
  readonly output: 'table' | 'json'
}

/** The file that is committed for each topic. */
interface Snapshot {
  readonly format: 1
  readonly topic: string
  /** `schema` is null for a validator that gives none. */
  readonly events: Readonly<Record<string, { readonly version: number; readonly schema: JsonSchema | null }>>
}

/** What became of one event type since its snapshot. */
interface Verdict {
  readonly topic: string
  readonly event: string
  readonly version: number
  /** `unrecorded`: it changed, and nothing breaks. `unchecked`: its validator gives no JSON Schema. */
  readonly result: 'same' | 'unrecorded' | 'unchecked' | 'breaks'
  readonly breaks: readonly Break[]
  /** Groups of the app that handle it. */
  readonly groups: readonly string[]
}

/**
 * Compares the event types of an app with the snapshots in `dir`: today's readers must read what is in the log from the
 * day of the snapshot. A break, and a change that is not in the snapshot yet, are exit code 7.
 */
export async function schemaCheck(file: string, options: SchemaCheckOptions, io: CliIo): Promise<void> {
  const { declared } = await loadApp(file)
  const topics = topicsOf(declared)
  const verdicts = topics.flatMap(topic =>
    compareTopic(topic, readSnapshot(options.dir, topic.name), declared),
  )
  io.out(
    options.output === 'json'
      ? `${JSON.stringify({ format: 1, events: verdicts }, undefined, 2)}\n`
      : text(verdicts),
  )
  const broken = verdicts.filter(({ result }) => result === 'breaks')
  if (broken.length > 0 && options.acceptBreaking !== true) throw refused(broken)
  if (options.update === true) return write(options.dir, topics, io)
  const unrecorded = verdicts.filter(({ result }) => result === 'unrecorded')
  if (unrecorded.length > 0) {
    throw new CliError(
      `${unrecorded.length} event types are not in their snapshot as they are`,
      exitCode.checkFailed,
      {
        next: `Nothing breaks. Write and commit it: holdfast schema check ${file} --update`,
      },
    )
  }
}

function refused(broken: readonly Verdict[]): CliError {
  const [first] = broken
  const what = broken.map(({ topic, event }) => `${topic} ${event}`).join(', ')
  return new CliError(`events in the log could not be read any more: ${what}`, exitCode.checkFailed, {
    next: `Undo it, or raise the version of ${first?.event} and give it an upcast from version ${(first?.version ?? 1) === 1 ? 1 : (first?.version ?? 2) - 1}.`,
  })
}

function text(verdicts: readonly Verdict[]): string {
  const rows = verdicts.flatMap(({ topic, event, version, result, breaks, groups }) => {
    const readers = groups.join(', ') || '-'
    const shown = result === 'unchecked' ? 'cannot be checked: its validator gives no JSON Schema' : result
    if (breaks.length === 0) return [[topic, event, `v${version}`, shown, '-', readers]]
    return breaks.map(({ field, problem }) => [
      topic,
      event,
      `v${version}`,
      problem,
      field || '(the whole)',
      readers,
    ])
  })
  return table(['topic', 'event', 'version', 'result', 'field', 'read by'], rows)
}

function compareTopic(topic: AnyTopic, snapshot: Snapshot | undefined, { groups }: Declared): Verdict[] {
  const readers = (event: string): string[] =>
    groups.filter(group => handles(group, topic, event)).map(({ group }) => group)
  const declared = [...topic.types.values()].map((type): Verdict => {
    const found = compareType(type, snapshot?.events[type.type])
    return {
      topic: topic.name,
      event: type.type,
      version: type.version,
      groups: readers(type.type),
      ...found,
    }
  })
  const gone = Object.entries(snapshot?.events ?? {}).filter(([event]) => !topic.types.has(event))
  return [
    ...declared,
    ...gone.map(([event, { version }]): Verdict => {
      const problem = 'was removed: events of it in the log pause every group of the topic'
      const all = groups
        .filter(group => group.topics.some(({ name }) => name === topic.name))
        .map(({ group }) => group)
      return {
        topic: topic.name,
        event,
        version,
        result: 'breaks',
        breaks: [{ field: '', problem }],
        groups: all,
      }
    }),
  ]
}

function handles({ topics, handlers }: GroupSettings, topic: AnyTopic, event: string): boolean {
  return topics.some(({ name }) => name === topic.name) && handlers.has(event)
}

function compareType(
  type: EventType,
  before: Snapshot['events'][string] | undefined,
): Pick<Verdict, 'result' | 'breaks'> {
  const broken = (problem: string): Pick<Verdict, 'result' | 'breaks'> => ({
    result: 'breaks',
    breaks: [{ field: '', problem }],
  })
  const schema = type.jsonSchema()
  if (before === undefined) return { result: schema ? 'unrecorded' : 'unchecked', breaks: [] }
  if (type.version < before.version) return broken(`its version was ${before.version} and is ${type.version}`)
  if (type.version > before.version) {
    if (type.oldest > before.version)
      return broken(`its version was raised to ${type.version} without an upcast from ${before.version}`)
    return { result: 'unrecorded', breaks: [] }
  }
  if (schema === undefined || before.schema === null) return { result: 'unchecked', breaks: [] }
  const found = breaks(before.schema, schema)
  if (found.length > 0) return { result: 'breaks', breaks: found }
  return { result: same(before.schema, schema) ? 'same' : 'unrecorded', breaks: [] }
}

function fileOf(dir: string, topic: string): string {
  return path.join(dir, `${topic}.json`)
}

function readSnapshot(dir: string, topic: string): Snapshot | undefined {
  const file = fileOf(dir, topic)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const snapshot = parsed(text)
  if (snapshot?.format === 1 && snapshot.topic === topic && typeof snapshot.events === 'object')
    return snapshot as Snapshot
  throw new CliError(`${file} is no snapshot of topic ${topic}`, exitCode.usage, {
    next: 'Take it from version control again.',
  })
}

function parsed(text: string): Partial<Snapshot> | undefined {
  try {
    return JSON.parse(text) as Partial<Snapshot>
  } catch {
    return undefined
  }
}

function write(dir: string, topics: readonly AnyTopic[], io: CliIo): void {
  mkdirSync(dir, { recursive: true })
  for (const topic of topics) {
    const events = Object.fromEntries(
      [...topic.types.values()]
        .toSorted((a, b) => (a.type < b.type ? -1 : 1))
        .map(type => [type.type, { version: type.version, schema: type.jsonSchema() ?? null }]),
    )
    const snapshot: Snapshot = { format: 1, topic: topic.name, events }
    writeFileSync(fileOf(dir, topic.name), `${JSON.stringify(snapshot, undefined, 2)}\n`)
    io.err(`wrote ${fileOf(dir, topic.name)}\n`)
  }
}
