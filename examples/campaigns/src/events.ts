import { topic, type EventOf } from 'holdfast'
import { z } from 'zod'

/** Who was on the other side, as a server says that passes events on for its visitors. Unknown when it is left out. */
const visitor = z
  .object({ userAgent: z.string().max(1_000), address: z.union([z.ipv4(), z.ipv6()]) })
  .partial()

const shown = z.object({ campaignId: z.string().min(1).max(100), visitor: visitor.optional() })

/** For each of the 8 partitions of the two large topics, so that the example keeps 1 GiB of events at most. */
const retainBytes = 64 * 1024 * 1024

/** What comes in by `POST /api/collect`. The tenant is not part of it: it belongs to the key of the sender. */
export const raw = topic('events.raw', {
  key: 'campaignId',
  retain: '7d',
  retainBytes,
  events: {
    impression: shown,
    click: shown,
    conversion: shown.extend({ cents: z.int().min(0).optional() }),
  },
})

const enrichedData = z.object({
  campaignId: z.string(),
  type: z.enum(['impression', 'click', 'conversion']),
  /** ISO 3166 code, or what the tenant's rules make of it; `ZZ` when it is not known. */
  country: z.string(),
  device: z.enum(['desktop', 'mobile', 'tablet', 'other', 'bot']),
  /** The same visitor has the same one within a tenant; nobody can be found by it. */
  visitor: z.string(),
})

/** What the group `enrichment` makes of each event of {@link raw}. */
export const enriched = topic('events.enriched', {
  key: 'campaignId',
  retain: '7d',
  retainBytes,
  events: { enriched: enrichedData },
})

/** What `POST /api/campaigns/:id/publish` says. */
export const launched = topic('events.launched', {
  key: 'campaignId',
  partitions: 1,
  retain: '7d',
  retainBytes: 1024 * 1024,
  events: { launched: z.object({ campaignId: z.string() }) },
})

export type Enriched = EventOf<typeof enriched, 'enriched'>
