import { topic } from 'holdfast'
import { z } from 'zod'

const moved = z.object({ vehicle: z.string(), n: z.number(), text: z.string() })

/** The events of all benchmarks: about 300 bytes, ten thousand keys. */
export const vehicles = topic('vehicles', { key: 'vehicle', partitions: 8, events: { moved } })

export const TEXT: string = 'x'.repeat(260)
