import type { Command } from 'commander'
import { systemClock } from '../../event/index.ts'
import { eventExplain, type Explained } from '../../server/operations/event-explain.ts'
import { eventFind, type EventsFound } from '../../server/operations/event-find.ts'
import type { EventRow, LeftOut } from '../../server/operations/event-rows.ts'
import { eventShow, type ShownEvent, type ShownEvents } from '../../server/operations/event-show.ts'
import { eventTrace, type EventTrace } from '../../server/operations/event-trace.ts'
import { exitCode } from '../exit-code.ts'
import { timeGiven, type Operating, type OperatingOptions } from '../operating.ts'
import { show, type View } from '../show.ts'

interface PatientOptions extends OperatingOptions {
  readonly patience?: string
}

/** `holdfast event …` and `holdfast explain`. */
export function addEvent(program: Command, operating: Operating): void {
  const event = program.command('event').description('single events')
  const patient = (command: Command): Command =>
    command.option('--patience <duration>', 'how long events are read that no index covers (default: 2s)')

  patient(operating.command(event, 'show', eventShow))
    .argument('<id>', 'of the event')
    .option('--payload', 'with its payload')
    .option('--trace', 'the story that it belongs to instead, as a tree: what caused what')
    .action((id: string, { payload, trace, patience, ...options }: ShowEventOptions) =>
      trace === true
        ? operating.run(eventTrace, { id, patience }, options, traceView)
        : operating.run(eventShow, { id, payload, patience }, options, eventView),
    )

  patient(operating.command(event, 'find', eventFind))
    .option('--key <key>', 'the events of a key, as the log has it')
    .option('--correlation <id>', 'the events of the story that this event or request began')
    .option('--cause <id>', 'the events that were made from this one')
    .option('--topic <topic>', 'only of this topic')
    .option(
      '--since <time>',
      'stored at or after it: ISO 8601, or a time ago such as 1h (default with --key: 1h)',
    )
    .option('--limit <n>', 'at most so many (default: 100)')
    .action(({ key, correlation, cause, topic, since, limit, patience, ...options }: FindOptions) => {
      const input = {
        key,
        correlation,
        cause,
        topic,
        since: since && timeGiven(since),
        limit: limit === undefined ? undefined : Number(limit),
        patience,
      }
      return operating.run(eventFind, input, options, foundView)
    })

  patient(operating.command(program, 'explain', eventExplain))
    .argument('<event-id>', 'of the event')
    .action(async (id: string, { patience, ...options }: PatientOptions) => {
      const answer = await operating.ask(eventExplain, { id, patience }, options)
      const { io, ended } = operating
      io.out(
        options.output === 'table' || options.output === 'wide'
          ? `${answer.story}\n`
          : show(answer, explainView, options, systemClock.now()),
      )
      if (answer.events.length === 0) ended(exitCode.notFound)
    })
}

interface ShowEventOptions extends PatientOptions {
  readonly payload?: boolean
  readonly trace?: boolean
}

interface FindOptions extends PatientOptions {
  readonly key?: string
  readonly correlation?: string
  readonly cause?: string
  readonly topic?: string
  readonly since?: string
  readonly limit?: string
}

function rowColumns<Item>(of: (item: Item) => EventRow): View<object>['columns'] {
  return {
    time: (item: Item, time) => time(of(item).time),
    id: (item: Item) => of(item).id,
    type: (item: Item) => of(item).eventType,
    place: (item: Item) => placeOf(of(item)),
    key: (item: Item) => of(item).key,
  }
}

const placeOf = ({ topic, partition, offset }: EventRow): string => `${topic}/${partition} offset ${offset}`

function leftOutNotes(unsearched: readonly LeftOut[]): string[] {
  const events = (of: readonly LeftOut[]): bigint =>
    of.reduce((sum, { from, to }) => sum + (BigInt(to) - BigInt(from)), 0n)
  const late = unsearched.filter(({ why }) => why === null)
  const closed = unsearched.filter(({ why }) => why !== null)
  const reasons = closed.slice(0, MAX_REASONS).map(one => `  ${one.topic}/${one.partition}: ${one.why}`)
  return [
    ...(late.length === 0
      ? []
      : [
          `${events(late)} events of ${late.length} partitions were not searched: --patience 1m looks longer`,
        ]),
    ...(closed.length === 0
      ? []
      : [`${events(closed)} events of ${closed.length} partitions could not be read:`, ...reasons]),
    ...(closed.length > MAX_REASONS ? [`  and ${closed.length - MAX_REASONS} more: -o json`] : []),
  ]
}

const MAX_REASONS = 5

const eventView: View<ShownEvents> = {
  items: ({ events }) => events,
  columns: {
    ...rowColumns(({ event }: ShownEvent) => event),
    bytes: (item: ShownEvent) => item.bytes,
    headers: (item: ShownEvent) => JSON.stringify(item.headers),
    payload: (item: ShownEvent) => item.data ?? item.base64,
  },
  notes: ({ unsearched }) => leftOutNotes(unsearched),
}

const traceView: View<EventTrace> = {
  items: ({ events }) => events,
  columns: {
    event: ({ depth, event }: EventTrace['events'][number]) =>
      `${'  '.repeat(depth)}${event.eventType ?? '?'} ${event.id ?? '?'}`,
    time: ({ event }: EventTrace['events'][number], time) => time(event.time),
    place: ({ event }: EventTrace['events'][number]) => placeOf(event),
  },
  notes: ({ more, unsearched }) => [...(more ? ['there are more'] : []), ...leftOutNotes(unsearched)],
}

const foundView: View<EventsFound> = {
  items: ({ events }) => events,
  columns: rowColumns((event: EventRow) => event),
  wide: {
    correlation: (event: EventRow) => event.correlationId,
    cause: (event: EventRow) => event.causationId,
  },
  empty: 'no such event',
  notes: ({ more, unsearched }) => [
    ...(more ? ['there are more: --limit'] : []),
    ...leftOutNotes(unsearched),
  ],
}

const explainView: View<Explained> = { items: ({ events }) => events as readonly object[], columns: {} }
