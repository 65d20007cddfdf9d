import { enriched } from '../events.ts'
import { minuteOf, Tally } from '../tally.ts'
import type { CampaignsApp } from '../app.ts'

/**
 * Scores bots and bursts of clicks. It was added after the others and nobody had to be told: it reads from the
 * earliest event that is kept, at its own speed, and cannot slow or stop anyone else.
 */
export function fraud(app: CampaignsApp): void {
  app
    .consumer('fraud', enriched, { from: 'earliest' })
    .effectBatch(['enriched'], { max: 500, within: '100ms' }, async (events, tx) => {
      const tally = new Tally<[tenant: string, campaign: string, visitor: string, minute: Date]>()
      for (const { tenant = '', data, time } of events) {
        const click = data.type === 'click' ? 1 : 0
        const bot = data.device === 'bot' ? 1 : 0
        if (click + bot > 0) tally.add([tenant, data.campaignId, data.visitor, minuteOf(time)], click, bot)
      }
      const columns = tally.columns()
      if (columns.length === 0) return
      await tx.query(
        `insert into campaigns.fraud_scores as kept (tenant_id, campaign_id, visitor, minute, clicks, bot_events)
         select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[])
         on conflict (tenant_id, campaign_id, visitor, minute)
           do update set clicks = kept.clicks + excluded.clicks, bot_events = kept.bot_events + excluded.bot_events`,
        columns,
      )
    })
}
