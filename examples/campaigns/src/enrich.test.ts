import { describe, expect, it } from 'vitest'
import { enrich } from './enrich.ts'

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1'
const ipad =
  'Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1'
const googlebot = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'

const british = '81.2.69.142'
const german = '2.160.0.1'

describe('enrichment', () => {
  it.each([
    [firefox, 'desktop'],
    [iphone, 'mobile'],
    [ipad, 'tablet'],
    [googlebot, 'bot'],
    [
      'Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/6.0 TV Safari/537.36',
      'other',
    ],
    ['curl/8.5.0', 'bot'],
    ['', 'other'],
    [undefined, 'other'],
  ])('tells the device of %s', (userAgent, device) => {
    expect(enrich('t1', { userAgent, address: undefined }).device).toBe(device)
  })

  it.each([
    [british, 'GB'],
    [`::ffff:${british}`, 'GB'],
    [german, 'DE'],
    ['127.0.0.1', 'ZZ'],
    ['2001:db8::1', 'ZZ'],
    ['not an address', 'ZZ'],
    [undefined, 'ZZ'],
  ])('tells the country of %s', (address, country) => {
    expect(enrich('t1', { userAgent: firefox, address }).country).toBe(country)
  })

  it('follows the rules of the tenant, and of no other', () => {
    expect(enrich('demo', { userAgent: firefox, address: german }).country).toBe('DACH')
    expect(enrich('t1', { userAgent: firefox, address: german }).country).toBe('DE')
    expect(enrich('constructor', { userAgent: firefox, address: german }).country).toBe('DE')
  })

  it('gives one visitor one pseudonym within a tenant, and another one elsewhere', () => {
    const { visitor } = enrich('t1', { userAgent: firefox, address: british })
    expect(enrich('t1', { userAgent: firefox, address: british }).visitor).toBe(visitor)
    expect(enrich('t2', { userAgent: firefox, address: british }).visitor).not.toBe(visitor)
    expect(enrich('t1', { userAgent: firefox, address: german }).visitor).not.toBe(visitor)
  })
})
