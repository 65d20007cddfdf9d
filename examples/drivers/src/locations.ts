import { topic } from 'holdfast'
import { location } from './location.ts'

/** Keyed by driver: the locations of one driver are applied in the order in which they came. */
export const locations = topic('locations', {
  key: 'driver',
  partitions: 8,
  retain: '7d',
  retainBytes: 128 * 1024 * 1024,
  events: { moved: location },
})
