import type {
  CausedEvent,
  Copy,
  ExplainedEvent,
  Explanation,
  GroupProgress,
  SearchReport,
} from './explanation.ts'
import type { LaneAttempt } from './lane-history.ts'

/** An explanation as lines for people: what is known and durable, and where nothing is, that. Ends without a line break. */
export function storyOf({ id, events, copies, search }: Omit<Explanation, 'story'>): string {
  const lines = events.flatMap(event => eventLines(id, event))
  if (events.length === 0) lines.push(...missingLines(id, copies))
  lines.push(...searchLines(search, events.length > 0))
  return plain(lines.join('\n'))
}

function eventLines(id: string, event: ExplainedEvent): string[] {
  const { type, version, key, tenant, acceptedAt, storedAt, durability, bytes } = event
  const what = [type + (version === 1 ? '' : ` v${version}`), ...(key === undefined ? [] : [`key ${key}`])]
  return [
    `${id}  ${what.join('  ')}`,
    row('received', `${time(acceptedAt)} ${by(event)}${tenant === undefined ? '' : `, tenant ${tenant}`}`),
    row(
      'durable',
      `${time(storedAt)} in ${place(event)} (${durability}), ${duration(storedAt - acceptedAt)} later, ${bytes} bytes`,
    ),
    ...causeLines(id, event),
    ...event.groups.flatMap(group => groupLines(group, event)),
    ...(event.groups.length === 0 ? [row('groups', `none reads ${event.topic}`)] : []),
    ...causedLines(event),
  ]
}

function by({ source }: ExplainedEvent): string {
  const [, door] = /^\/collect\/(.+)$/.exec(source) ?? []
  if (door !== undefined) return `by key ${door}`
  const [, app] = /^\/apps\/(.+)$/.exec(source) ?? []
  return app === undefined ? `from ${source}` : `from app ${app}`
}

function causeLines(id: string, { causationId, correlationId }: ExplainedEvent): string[] {
  return [
    ...(causationId === undefined ? [] : [row('caused by', causationId)]),
    ...(correlationId === undefined || correlationId === id ? [] : [row('story of', correlationId)]),
  ]
}

function groupLines(progress: GroupProgress, event: ExplainedEvent): string[] {
  const { group, attempts, letter, effect } = progress
  const lines = [
    row(group, standing(progress, event.offset)),
    ...attempts.map(one => row('', attemptText(one))),
  ]
  if (letter !== undefined) {
    const died = `${time(letter.diedAt)} after ${tries(letter.attempts)}: ${errorText(letter.last)}`
    lines.push(row('', `letter ${letter.id} ${letter.status}, ${died}`))
  }
  if (effect !== undefined) {
    const why = effect.reason === undefined ? '' : ` (${effect.reason})`
    lines.push(row('', `${effect.database}: ${effects[effect.inbox]}${why}`))
  }
  return lines
}

/** How far the group is with it, as the end of a sentence that begins with its name. */
function standing({ state, position }: GroupProgress, offset: bigint): string {
  switch (state.kind) {
    case 'waiting': {
      const before = state.ahead === 0n ? 'next in turn' : `${events(state.ahead)} before it`
      const nobody = state.owner === undefined ? '; nobody reads the partition now' : ''
      return `not settled: position ${position ?? 'none yet'}, ${before}, lag ${count(state.lag)}${nobody}`
    }
    case 'working':
      return `in work here: taken from the log, not settled yet; position ${position ?? 'none yet'}, lag ${count(state.lag)}`
    case 'retrying': {
      const so = state.attempts === 0 ? 'has not run' : `${tries(state.attempts)} failed`
      const after = state.behind === undefined ? '' : `; behind offset ${state.behind} of its key`
      return `in the retry lane${state.replay ? ', replayed' : ''}: ${so}, due ${time(state.dueAt)}${after}`
    }
    case 'held':
      return `given up (${state.reason}), and its key waits for a decision`
    case 'dead':
      return `dead (${state.reason})`
    case 'discarded':
      return 'dead, and discarded'
    case 'done': {
      const how = state.replayed ? 'done by a replay of its letter' : 'done'
      const isPast = position !== undefined && position > offset
      return isPast ? `${how}, before position ${position}` : `${how}, and the position follows`
    }
    case 'skipped':
      return `skipped (${state.reason}), before position ${position}`
    case 'passed':
      return `done or skipped before position ${position}; nothing durable says which`
    case 'unknown':
      return `not known: ${state.reason}`
  }
}

const effects = {
  applied: 'its effect committed, once (inbox row)',
  missing: 'no inbox row: no effect of it has committed',
  unknown: 'the inbox of that day is gone, so it cannot say',
  unanswered: 'did not answer',
} as const

function attemptText({ number, round, at, tookMs, outcome, failure }: LaneAttempt): string {
  const which = `attempt ${number}${round === 0 ? '' : ` of replay ${round}`}`
  const took = tookMs === undefined ? '' : ` after ${duration(tookMs)}`
  const why = failure === undefined ? '' : `: ${errorText(failure)}`
  return `${which} ${outcome}${took}${at === undefined ? '' : `, ${time(at)}`}${why}`
}

function errorText({
  name,
  code,
  message,
}: {
  name: string
  code: string | undefined
  message: string
}): string {
  return `${code ?? name} ${message}`.replaceAll(/\s+/g, ' ').slice(0, MAX_ERROR)
}

const MAX_ERROR = 300

function causedLines({ caused, moreCaused }: ExplainedEvent): string[] {
  const one = ({ id, type, storedAt, ...at }: CausedEvent): string =>
    `${type} ${id} in ${place(at)}, ${time(storedAt)}`
  return [
    ...caused.map((event, i) => row(i === 0 ? 'caused' : '', one(event))),
    ...(moreCaused ? [row('', 'and more: holdfast event find --cause ID')] : []),
  ]
}

function missingLines(id: string, copies: readonly Copy[]): string[] {
  if (copies.length === 0) return [`${id}  is not there`]
  return [
    `${id}  is in no topic any more`,
    ...copies.map(copy => row(copy.group, `its ${copy.of} has it: ${place(copy)}`)),
  ]
}

/** What was looked through; where something was found, what was left out matters only for what it caused. */
function searchLines({ how, events: all, read, tookMs, unsearched }: SearchReport, found: boolean): string[] {
  const left = unsearched.reduce((sum, { from, to }) => sum + (to - from), 0n)
  const way = how === 'index' ? `by the index, ${count(read)} of them read` : 'by reading them'
  return [
    row('searched', `${events(all)} ${way}, in ${duration(tookMs)}`),
    ...(unsearched.length === 0
      ? []
      : [row('not', `${events(left)}${found ? ', which it may have caused' : ''}:`)]),
    ...unsearched.slice(0, MAX_UNSEARCHED).map(({ topic, partition, from, to, until, why }) => {
      const when = until === undefined ? '' : `, up to ${time(until)}`
      const offsets = from === to ? '' : ` offsets ${from} to ${to - 1n}`
      return row('', `${topic}/${partition}${offsets}${when}${why === undefined ? '' : ` (${why})`}`)
    }),
    ...(unsearched.length > MAX_UNSEARCHED
      ? [row('', `and ${unsearched.length - MAX_UNSEARCHED} more partitions`)]
      : []),
  ]
}

const MAX_UNSEARCHED = 5

function row(label: string, text: string): string {
  return `  ${label.padEnd(LABEL)}  ${text}`
}

const LABEL = 12

function place({ topic, partition, offset }: { topic: string; partition: number; offset: bigint }): string {
  return `${topic}/${partition} offset ${offset}`
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${Math.round(ms / 60_000)} min`
}

function tries(n: number): string {
  return n === 1 ? '1 attempt' : `${n} attempts`
}

function events(n: bigint): string {
  return n === 1n ? '1 event' : `${count(n)} events`
}

function count(n: bigint): string {
  return n.toLocaleString('en-US')
}

/** Ids, keys and errors come from outside, and control characters could move a terminal's cursor. */
function plain(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, '·')
}
