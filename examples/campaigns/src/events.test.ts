import { expect, it } from 'vitest'
import { enriched, raw } from './events.ts'

it('the example keeps 1 GiB of events for 7 days, and no more', () => {
  const bytes = [raw, enriched].map(({ retainBytes = Infinity, partitions }) => retainBytes * partitions)
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBe(1024 ** 3)
  expect([raw, enriched].map(({ retainMs }) => retainMs / 86_400_000)).toEqual([7, 7])
})
