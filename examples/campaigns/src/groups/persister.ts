import { raw } from '../events.ts'
import type { CampaignsApp } from '../app.ts'

/** Keeps every event as a row. One statement for a batch; a row that the database refuses does not stop the others. */
export function persister(app: CampaignsApp): void {
  app
    .consumer('persister', raw, { from: 'earliest' })
    .effectBatch(['impression', 'click', 'conversion'], { max: 500, within: '100ms' }, async (events, tx) => {
      await tx.query(
        `insert into campaigns.raw_events (event_id, source, tenant_id, campaign_id, type, occurred_at, accepted_at,
             data, log_partition, log_offset)
           select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
             $7::timestamptz[], $8::jsonb[], $9::int[], $10::bigint[])`,
        [
          events.map(event => event.id),
          events.map(event => event.source),
          events.map(event => event.tenant ?? ''),
          events.map(event => event.data.campaignId),
          events.map(event => event.type),
          events.map(event => event.time),
          events.map(event => event.acceptedAt),
          events.map(event => JSON.stringify(event.data)),
          events.map(event => event.partition),
          events.map(event => String(event.offset)),
        ],
      )
    })
}
