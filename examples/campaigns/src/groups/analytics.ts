import { raw } from '../events.ts'
import { minuteOf, Tally } from '../tally.ts'
import type { CampaignsApp } from '../app.ts'

/** Counts events per campaign and minute. */
export function analytics(app: CampaignsApp): void {
  app
    .consumer('analytics', raw, { from: 'earliest' })
    .effectBatch(['impression', 'click', 'conversion'], { max: 500, within: '100ms' }, async (events, tx) => {
      const tally = new Tally<[tenant: string, campaign: string, type: string, minute: Date]>()
      for (const { tenant = '', data, type, time } of events) {
        tally.add([tenant, data.campaignId, type, minuteOf(time)], 1)
      }
      await tx.query(
        `insert into campaigns.campaign_minutes as kept (tenant_id, campaign_id, type, minute, count)
           select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[])
           on conflict (tenant_id, campaign_id, type, minute) do update set count = kept.count + excluded.count`,
        tally.columns(),
      )
    })
}
