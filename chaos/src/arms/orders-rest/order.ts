import { z } from 'zod'
import { RequestFailed } from '../http/failure.ts'

const orderEvent = z.object({
  type: z.literal('placed'),
  id: z.string().min(1).max(200),
  data: z.object({
    customer: z.string().min(1).max(100),
    n: z.int().min(0),
    item: z.string().max(100),
    cents: z.int().min(0),
  }),
})

export type Order = z.infer<typeof orderEvent>

export function readOrder(body: unknown): Order {
  const checked = orderEvent.safeParse(body)
  if (!checked.success) throw new RequestFailed('invalid', z.prettifyError(checked.error))
  return checked.data
}
