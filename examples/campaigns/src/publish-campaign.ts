import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CampaignsApp } from './app.ts'
import { launched } from './events.ts'

/** The keys of those who may publish, with their tenant. This one works on this machine only. */
const tenants: ReadonlyMap<string, string> = new Map([['pk_demo', 'demo']])

/**
 * `POST /api/campaigns/c1/publish`: the campaign goes live and whoever wants to know is told, or neither. Unlike a click
 * this asks the database, so it is answered 503 while that is away. Asking again is always right: it is live once.
 */
export function campaignsApi(app: CampaignsApp) {
  return async ({ headers, method, url = '' }: IncomingMessage, res: ServerResponse): Promise<void> => {
    const answer = (status: number, body: Readonly<Record<string, unknown>>): void => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
    }
    const [, campaignId] = /^\/api\/campaigns\/([\w-]{1,100})\/publish$/.exec(url) ?? []
    if (campaignId === undefined) return answer(404, { detail: 'there is nothing here' })
    if (method !== 'POST') return answer(405, { detail: 'POST publishes a campaign' })
    const tenant = tenants.get(String(headers['x-api-key']))
    if (tenant === undefined) return answer(401, { detail: 'X-Api-Key says who publishes' })
    try {
      const outcome = await publish(app, tenant, campaignId)
      if (outcome === 'unknown') return answer(404, { detail: `there is no campaign ${campaignId}` })
      return answer(200, { campaignId, live: true, ...(outcome !== 'live already' && { event: outcome.id }) })
    } catch {
      res.setHeader('retry-after', '1')
      return answer(503, { detail: 'the database gave no answer; ask again' })
    }
  }
}

/** The row and the event commit together. */
function publish(
  app: CampaignsApp,
  tenant: string,
  campaignId: string,
): Promise<{ readonly id: string } | 'live already' | 'unknown'> {
  return app.transaction(async tx => {
    const campaign = [tenant, campaignId]
    const { rowCount } = await tx.query(
      'update campaigns.campaigns set live = true where tenant_id = $1 and campaign_id = $2 and not live',
      campaign,
    )
    if (rowCount === 1) return tx.publish(launched, 'launched', { campaignId }, { tenant })
    const known = await tx.query(
      'select from campaigns.campaigns where tenant_id = $1 and campaign_id = $2',
      campaign,
    )
    return known.rowCount === 1 ? 'live already' : 'unknown'
  })
}
