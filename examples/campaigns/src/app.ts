import { app, type App, type AppCollectorOptions, type Database, type LogDriver, type Logger } from 'holdfast'
import { raw } from './events.ts'
import { analytics } from './groups/analytics.ts'
import { enrichment } from './groups/enrichment.ts'
import { fraud } from './groups/fraud.ts'
import { launches } from './groups/launches.ts'
import { persister } from './groups/persister.ts'
import { segments } from './groups/segments.ts'
import { campaignsApi } from './publish-campaign.ts'

export type CampaignsApp = App<true>

export interface CampaignsOptions extends Pick<AppCollectorOptions, 'port' | 'statusUrl' | 'spool'> {
  readonly log: LogDriver
  readonly db: Database
  readonly logger?: Logger
}

/**
 * The whole system: one door and six groups, which know nothing of each other. Another log or another database is
 * another option here, and nothing else changes.
 */
export function campaigns({ log, db, logger, ...door }: CampaignsOptions): CampaignsApp {
  const a = app({ name: 'campaigns', log, db, logger })
  a.collector({
    topics: [raw],
    // A key that everybody knows: it works on this machine only.
    keys: { pk_demo: { tenant: 'demo', topics: [raw.name] } },
    aliases: { '/api/collect': { topic: raw, form: 'flat' } },
    example: { path: '/api/collect', body: '{"type":"click","campaignId":"c1"}' },
    otherwise: campaignsApi(a),
    // Nothing stands in front of an example that would have to notice that it stops.
    lameDuckMs: 0,
    ...door,
  })
  enrichment(a)
  segments(a)
  persister(a)
  analytics(a)
  fraud(a)
  launches(a)
  return a
}
