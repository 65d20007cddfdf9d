import { topic } from 'holdfast'
import { z } from 'zod'

const move = z.object({ vehicle: z.string(), n: z.number() })

/** What the vehicles send. The type says what the handlers do with it. */
export const moves = topic('moves', {
  key: 'vehicle',
  partitions: 8,
  retain: '1d',
  events: {
    moved: move,
    /** Its handler writes what the database refuses. */
    bad: move,
    /** Its handler never returns. */
    stuck: move,
  },
})
