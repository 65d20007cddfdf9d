import { z } from 'zod'

/** What the phone of a driver sends, about once a second. */
export const location = z.object({
  driver: z.string().min(1).max(100),
  /** Counted up by whoever sends, so that a gap shows. */
  n: z.int().min(0),
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
  /** Kilometres an hour. That nobody drives faster than 400 is a rule of the database, which only it knows. */
  speed: z.number().min(0),
})
