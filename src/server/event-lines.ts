import type { Completed } from '../consume/index.ts'
import { decodeEvent, type LogRecord } from '../event/index.ts'

/** Puts together what became of each event, from the log and from the groups, and prints one line when all are done. */
export interface EventLines {
  /** An event as the log has it. */
  stored(record: LogRecord): void
  /** A group of this process is done with one. May come before {@link stored}: the log is read by two. */
  completed(of: Completed): void
  /** Prints what still waits for a group, as it stands. */
  flush(): void
}

interface Line {
  record: LogRecord | undefined
  readonly done: Completed[]
}

/** Events that wait for a group at most. The oldest is printed as it stands when there are more. */
const MAX_WAITING = 1_000

/** `groups`: those of this process, with the names of their topics. */
export function eventLines(
  groups: readonly { readonly group: string; readonly topics: readonly string[] }[],
  print: (line: string) => void,
): EventLines {
  const lines = new Map<string, Line>()
  const readers = (topic: string): string[] =>
    groups.filter(({ topics }) => topics.includes(topic)).map(({ group }) => group)
  const show = (name: string, line: Line): void => {
    lines.delete(name)
    if (line.record !== undefined) print(textOf(line.record, line.done, readers(line.record.topic)))
  }
  const lineOf = (
    at: { topic: string; partition: number; offset: bigint },
    add: (line: Line) => void,
  ): void => {
    const name = `${at.topic}/${at.partition}/${at.offset}`
    const line = lines.get(name) ?? { record: undefined, done: [] }
    lines.set(name, line)
    add(line)
    if (line.record !== undefined && line.done.length >= readers(at.topic).length) show(name, line)
    const [oldest] = lines
    if (oldest !== undefined && lines.size > MAX_WAITING) show(...oldest)
  }
  return {
    stored: record => lineOf(record, line => (line.record = record)),
    completed: of => lineOf(of, line => line.done.push(of)),
    flush() {
      for (const [name, line] of lines) show(name, line)
    },
  }
}

/** `12:00:01.250  placed  key c1  id 7f…  received → orders/3/17 in 2 ms → billing done after 5 ms, mail dead after 9 ms (no address)` */
function textOf(record: LogRecord, done: readonly Completed[], groups: readonly string[]): string {
  const { topic, partition, offset, timestamp, key } = record
  const event = eventOf(record)
  const names = [
    ...(event === undefined ? ['undecodable'] : [event.type]),
    ...(key === undefined ? [] : [`key ${key}`]),
    ...(event === undefined ? [] : [`id ${event.id}`]),
  ]
  const stored = event === undefined ? '' : ` in ${Math.max(0, timestamp - event.acceptedAt)} ms`
  const waiting = groups
    .filter(group => !done.some(one => one.group === group))
    .map(group => `${group} waits`)
  const path = [
    'received',
    `${topic}/${partition}/${offset}${stored}`,
    [...done.map(outcome), ...waiting].join(', ') || 'no group here',
  ]
  const time = new Date(event?.acceptedAt ?? timestamp).toISOString().slice(11, 23)
  return plain(`${time}  ${names.join('  ')}  ${path.join(' → ')}`)
}

const words = {
  ok: 'done',
  duplicate: 'knew it',
  retried: 'failed',
  dead_lettered: 'dead',
  skipped: 'skipped',
} as const satisfies Record<Completed['result'], string>

function outcome({ group, result, failures, error, seconds }: Completed): string {
  const tries = failures > 0 && result !== 'dead_lettered' ? `, ${failures + 1} attempts` : ''
  const why = error === undefined ? '' : ` (${error.slice(0, MAX_ERROR)})`
  return `${group} ${words[result]} after ${Math.round(seconds * 1000)} ms${tries}${why}`
}

const MAX_ERROR = 120

function eventOf(record: LogRecord): ReturnType<typeof decodeEvent> | undefined {
  try {
    return decodeEvent(record)
  } catch {
    return undefined // the groups say what is wrong with it
  }
}

/** Ids and keys come from outside, and control characters could move a terminal's cursor. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '·')
}
