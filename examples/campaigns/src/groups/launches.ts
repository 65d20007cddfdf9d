import type { CampaignsApp } from '../app.ts'
import { launched } from '../events.ts'

/** Keeps when each campaign went live: the line that a chart of its clicks begins with. */
export function launches(app: CampaignsApp): void {
  app
    .consumer('launches', launched, { from: 'earliest' })
    .effect('launched', async ({ id, tenant = '', data, time }, tx) => {
      await tx.query(
        'insert into campaigns.launches (event_id, tenant_id, campaign_id, launched_at) values ($1, $2, $3, $4)',
        [id, tenant, data.campaignId, time],
      )
    })
}
