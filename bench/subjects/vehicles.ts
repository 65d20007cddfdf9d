import { topic } from 'holdfast'
import { z } from 'zod'

const moved = z.object({ vehicle: z.string(), n: z.number(), text: z.string() })

/** The events of all benchmarks, about 300 bytes, ten thousand keys, in a topic of this name. */
export const vehiclesIn = (name: string) => topic(name, { key: 'vehicle', partitions: 8, events: { moved } })

export const vehicles = vehiclesIn('vehicles')

/** The same in one partition, which somebody takes over. */
export const parked = topic('parked', { key: 'vehicle', partitions: 1, events: { moved } })

export const TEXT: string = 'x'.repeat(260)

/** The n-th event. */
export function dataOf(n: number): { readonly vehicle: string; readonly n: number; readonly text: string } {
  return { vehicle: `k${n % 10_000}`, n, text: TEXT }
}

/** Where the effects go, and the limits as well. */
export const SINK = 'create table sink (id uuid primary key, vehicle text not null, body jsonb not null)'
