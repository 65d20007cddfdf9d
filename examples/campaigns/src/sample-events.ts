/** An event as a server would send it on behalf of a visitor. */
export interface SampleEvent {
  readonly type: 'impression' | 'click' | 'conversion'
  readonly campaignId: string
  readonly visitor: { readonly userAgent: string; readonly address: string }
  readonly cents?: number
}

const browsers = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1',
]
const bot = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'

/** The first half of addresses in ranges of Britain, Germany, the United States, Japan and Brazil. */
const networks = ['81.2', '2.160', '8.8', '133.242', '177.32']

/** One event of a plausible mix: 80 % impressions, 17 % clicks, 3 % conversions, one visitor in 40 a bot. */
export function sampleEvent(random: () => number): SampleEvent {
  const pick = <T>(from: readonly [T, ...T[]] | readonly T[]): T =>
    from[Math.floor(random() * from.length)] as T
  const visitor = {
    userAgent: random() < 1 / 40 ? bot : pick(browsers),
    address: `${pick(networks)}.69.${Math.floor(random() * 50)}`,
  }
  const campaignId = `c${1 + Math.floor(random() * 8)}`
  const chance = random()
  if (chance < 0.8) return { type: 'impression', campaignId, visitor }
  if (chance < 0.97) return { type: 'click', campaignId, visitor }
  return { type: 'conversion', campaignId, visitor, cents: 100 * (1 + Math.floor(random() * 90)) }
}
