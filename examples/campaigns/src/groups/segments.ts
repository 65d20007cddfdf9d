import { enriched } from '../events.ts'
import { minuteOf, Tally } from '../tally.ts'
import type { CampaignsApp } from '../app.ts'

/** Counts what `enrichment` publishes, per country, device and minute. */
export function segments(app: CampaignsApp): void {
  app
    .consumer('segments', enriched, { from: 'earliest' })
    .effectBatch(['enriched'], { max: 500, within: '100ms' }, async (events, tx) => {
      const tally = new Tally<[tenant: string, country: string, device: string, type: string, minute: Date]>()
      for (const { tenant = '', data, time } of events) {
        tally.add([tenant, data.country, data.device, data.type, minuteOf(time)], 1)
      }
      await tx.query(
        `insert into campaigns.segment_minutes as kept (tenant_id, country, device, type, minute, count)
         select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[])
         on conflict (tenant_id, country, device, type, minute) do update set count = kept.count + excluded.count`,
        tally.columns(),
      )
    })
}
