import { enrich } from '../enrich.ts'
import { enriched, raw } from '../events.ts'
import type { CampaignsApp } from '../app.ts'

/**
 * Says of every event where it came from and with what device, and publishes that as an event of its own. The id of
 * the new event is derived from the old one, so a second attempt after a crash publishes the same event again and
 * whoever counts it counts it once.
 */
export function enrichment(app: CampaignsApp): void {
  const group = app.consumer('enrichment', raw, { from: 'earliest', order: 'key', concurrency: 64 })
  for (const type of ['impression', 'click', 'conversion'] as const) {
    group.on(type, async (event, context) => {
      const tenant = event.tenant ?? ''
      await context.publish(
        enriched,
        'enriched',
        { campaignId: event.data.campaignId, type, ...enrich(tenant, event.data.visitor) },
        { time: event.time },
      )
    })
  }
}
