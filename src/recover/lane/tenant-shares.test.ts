import { expect, it } from 'vitest'
import { TenantShares } from './tenant-shares.ts'

it('a tenant crowds others out from half of what may be parked down to a quarter, and never while it is alone', () => {
  const shares = new TenantShares(100)
  for (let n = 0; n < 80; n++) shares.opened('noisy')
  expect([shares.crowds('noisy'), shares.takeNews()]).toEqual([false, []])
  shares.met(undefined)
  shares.met('noisy')
  expect(shares.isShared).toBe(false)
  shares.met('quiet')
  expect([shares.crowds('noisy'), shares.crowds('quiet'), shares.takeNews()]).toEqual([
    true,
    false,
    ['noisy'],
  ])
  expect(shares.takeNews()).toEqual([])
  for (let left = 79; left > 25; left--) shares.closed('noisy')
  expect(shares.crowds('noisy')).toBe(true)
  shares.closed('noisy')
  expect(shares.crowds('noisy')).toBe(false)
  for (let n = 25; n < 49; n++) shares.opened('noisy')
  expect(shares.crowds('noisy')).toBe(false)
  shares.opened('noisy')
  expect([shares.crowds('noisy'), shares.takeNews()]).toEqual([true, ['noisy']])
})
