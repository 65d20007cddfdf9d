import { parseDuration } from '../../event/index.ts'
import { explainEvent, type Explanation } from '../../explain/index.ts'
import { knownGroups } from '../declared.ts'
import { leftOut, leftOutShape, PATIENCE, type LeftOut } from './event-rows.ts'
import type { Operation } from './operation.ts'
import { duration, json, number, object, optional, rows, text } from './shape.ts'

export interface EventExplainInput {
  readonly id: string
  readonly patience?: string | undefined
}

export interface Explained {
  readonly id: string
  readonly story: string
  readonly events: readonly unknown[]
  readonly copies: readonly unknown[]
  readonly search: {
    readonly how: string
    readonly events: number
    readonly read: number
    readonly tookMs: number
    readonly unsearched: readonly LeftOut[]
  }
}

export const eventExplain: Operation<EventExplainInput, Explained> = {
  name: 'event.explain',
  summary:
    'say where an event is and why: received, durable, each group with its attempts, letters and effects, what it caused',
  role: 'viewer',
  effect: 'none',
  input: object<EventExplainInput>({
    id: text('of the event'),
    patience: optional(duration(PATIENCE.about)),
  }),
  output: object<Explained>({
    id: text('as it was asked for'),
    story: text('the same as lines for people', { max: Number.MAX_SAFE_INTEGER }),
    events: rows(json('an event with this id: mostly one')),
    copies: rows(json('a retry lane or a dead letter that holds it')),
    search: object<Explained['search']>({
      how: text('index, or reading'),
      events: number('events that the answer is about'),
      read: number('events that had to be read'),
      tookMs: number('how long it took'),
      unsearched: rows(leftOutShape),
    }),
  }),
  async run({ system, app, declared, sink, clock, signal }, { id, patience }) {
    const patienceMs = patience === undefined ? PATIENCE.defaultMs : parseDuration(patience, 'patience')
    const options = { patienceMs, signal }
    return explained(
      app
        ? await app.explain(id, options)
        : await explainEvent(
            { system, sink, declared: declared ? knownGroups(declared) : [], clock },
            id,
            options,
          ),
    )
  },
}

/** As JSON: offsets as digits, what is not known as null. */
function explained({ id, story, events, copies, search }: Explanation): Explained {
  const { how, tookMs, unsearched } = search
  return {
    id,
    story,
    events: events.map(plain),
    copies: copies.map(plain),
    search: {
      how,
      events: Number(search.events),
      read: Number(search.read),
      tookMs,
      unsearched: unsearched.map(leftOut),
    },
  }
}

function plain(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) =>
      typeof one === 'bigint' ? String(one) : one === undefined ? null : one,
    ),
  ) as unknown
}
