/** A consumer group on a log that is full already: from the end of its warm-up to its last event. */
import { app, postgres, type App } from 'holdfast'
import { finished } from 'node:stream/promises'
import type { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { logAt, topicAt, type Place } from './place.ts'

export interface ConsumeOptions extends Place {
  readonly database: string
  readonly group: string
  /** Batches are copied, as the limit does it, or inserted by one statement. */
  readonly handler: 'on' | 'effect' | 'copyBatch' | 'copyBatchByOffsets' | 'insertBatch'
  /** Events of the log that are handled before time counts. */
  readonly warm: number
  /** How many are measured then. */
  readonly events: number
}

const options = given<ConsumeOptions>()
const { database, group, handler, warm, events } = options
const bench = app({ name: 'bench', log: logAt(options), db: postgres(database) })
const vehicles = topicAt(options)

let handled = 0
let watch: ReturnType<typeof stopwatch> | undefined
function count(more: number): void {
  handled += more
  if (handled >= warm && !watch) {
    handled -= warm // a batch may have gone past it
    watch = stopwatch()
  } else if (watch && handled >= events) {
    tell(watch.stop(handled))
    handled = Number.NEGATIVE_INFINITY
  }
}

const batch = { max: 500, within: '20ms' } as const
const add: Readonly<Record<ConsumeOptions['handler'], (app: App<true>) => unknown>> = {
  on: app => app.consumer(group, vehicles, { from: 'earliest' }).on('moved', () => count(1)),
  effect: app =>
    app.consumer(group, vehicles, { from: 'earliest' }).effect('moved', async ({ id, data }, tx) => {
      await tx.query('insert into sink values ($1, $2, $3)', [id, data.vehicle, JSON.stringify(data)])
      count(1)
    }),
  insertBatch: app =>
    app.consumer(group, vehicles, { from: 'earliest' }).effectBatch(['moved'], batch, insertMany),
  copyBatch: app =>
    app.consumer(group, vehicles, { from: 'earliest' }).effectBatch(['moved'], batch, copyMany),
  copyBatchByOffsets: app =>
    app
      .consumer(group, vehicles, { from: 'earliest', order: 'partition', dedup: 'offsets' })
      .effectBatch(['moved'], batch, copyMany),
}

interface Moved {
  readonly id: string
  readonly data: { readonly vehicle: string }
}

async function insertMany(
  moved: readonly Moved[],
  tx: { query(text: string, params: readonly unknown[]): Promise<unknown> },
): Promise<void> {
  await tx.query(
    `insert into sink select id, vehicle, body::jsonb
     from unnest($1::uuid[], $2::text[], $3::text[]) as e (id, vehicle, body)`,
    [
      moved.map(({ id }) => id),
      moved.map(({ data }) => data.vehicle),
      moved.map(({ data }) => JSON.stringify(data)),
    ],
  )
  count(moved.length)
}

/** With the client's own connection: the transaction is the same. */
async function copyMany(moved: readonly Moved[], tx: { readonly raw: unknown }): Promise<void> {
  const stream = (tx.raw as Client).query(copyFrom('copy sink from stdin'))
  const lines = moved.map(({ id, data }) => `${id}\t${data.vehicle}\t${JSON.stringify(data)}\n`)
  stream.end(Buffer.from(lines.join('')))
  await finished(stream)
  count(moved.length)
}

add[handler](bench)
await bench.start()
