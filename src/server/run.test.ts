import { expect, it } from 'vitest'
import type { PartitionStatus } from '../consume/index.ts'
import { waitedFor } from './run.ts'

const partition = (inFlight: number): PartitionStatus => ({ inFlight }) as unknown as PartitionStatus

it('a stop says which groups it waits for, and for how long', () => {
  const groups = [
    { group: 'segments', partitions: [partition(0), partition(1_200)] },
    { group: 'idle', partitions: [partition(0)] },
    { group: 'fraud', partitions: [partition(1)] },
  ]
  expect(waitedFor(groups, '5s')).toBe(
    'waiting at most 5s for 1,201 events that are in work (segments 1,200, fraud 1)',
  )
  expect(waitedFor(groups.slice(2), '5s')).toBe('waiting at most 5s for 1 event that is in work (fraud 1)')
  expect(waitedFor(groups.slice(1, 2), '5s')).toBe('no event is in work')
})
