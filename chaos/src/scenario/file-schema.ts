import { z } from 'zod'
import { secondsOf } from './duration.ts'

const DURATION = 'a duration such as 45s, 2m or 500ms'

/** Text in, seconds out. */
const duration = z.string({ error: DURATION }).transform((text, context) => {
  const seconds = secondsOf(text)
  if (seconds === undefined) context.addIssue({ code: 'custom', message: DURATION, input: text })
  return seconds ?? 0
})

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower-case letters, digits and dashes')
const count = z.int().positive()

const arm = z.union(
  [name, z.strictObject({ arm: name, as: name.optional(), flags: z.array(z.string()).optional() })],
  { error: 'the name of an arm, or { arm, as, flags }' },
)

const window = { at: duration, for: duration }
const fault = z.discriminatedUnion(
  'target',
  [
    z.strictObject({
      target: z.literal('postgres'),
      fault: z.enum(['kill', 'stop', 'reset', 'slow', 'disk-full']),
      ...window,
    }),
    z.strictObject({
      target: z.literal('service'),
      service: z.string(),
      fault: z.enum(['kill', 'stop', 'slow']),
      ...window,
    }),
    z.strictObject({
      target: z.literal('dependency'),
      dependency: z.string(),
      fault: z.enum(['kill', 'slow']),
      ...window,
    }),
    z.strictObject({ target: z.literal('load'), fault: z.literal('poison'), every: count, ...window }),
  ],
  { error: 'postgres, service, dependency or load' },
)

/** A scenario as a file says it. */
export const fileSchema = z.strictObject({
  name,
  title: z.string(),
  hypothesis: z.string(),
  mode: z.enum(['sequence', 'side-by-side']).default('sequence'),
  arms: z.array(arm).min(1),
  load: z.strictObject({
    phases: z.array(z.strictObject({ name, for: duration, rate: z.number().positive().max(50_000) })).min(1),
    keys: count.default(50),
    zipf: z.number().min(0).max(2).default(0),
    timeout: duration.default(5),
    maxInFlight: count.default(2_000),
  }),
  faults: z.array(fault).default([]),
  checks: z.array(z.strictObject({ arm: name, expression: z.string(), because: z.string() })).default([]),
  drain: duration.default(120),
  sinkRowsPerSecond: count.optional(),
})

export type ScenarioFile = z.output<typeof fileSchema>
