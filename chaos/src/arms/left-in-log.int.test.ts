import { app, embedded, topic } from 'holdfast'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { until } from '../../../test/harness/until.ts'
import { leftInLog } from './left-in-log.ts'
import { testFolder } from './testing.ts'

const things = topic('things', {
  key: 'name',
  partitions: 2,
  retain: '1d',
  events: { made: z.object({ name: z.string() }) },
})

test('an event that waits in a retry lane is pending, one whose retry succeeded is not, and one that died is dead', async () => {
  const folder = testFolder()
  const shop = app({ name: 'shop', log: embedded(folder) })
  shop
    .consumer('group', things, {
      from: 'earliest',
      retry: ['20ms', '1h'],
      onError: error => (error instanceof RangeError ? 'dead' : undefined),
    })
    .on('made', ({ data: { name }, attempt }) => {
      if (name === 'bad') throw new RangeError('never')
      if (name === 'later' || (name === 'soon' && attempt === 1)) throw new Error('not yet')
    })
  await shop.start()
  for (const name of ['fine', 'soon', 'later', 'bad'])
    await shop.publish(things, 'made', { name }, { id: name })
  await until('only one waits', async () => {
    const [group] = await shop.groups()
    return group?.lag === 0n && group.parked === 1 && group.deadLetters === 1
  })
  await shop.stop()
  expect(await leftInLog({ log: { folder }, topic: 'things', group: 'group' }, new Set())).toEqual({
    dead: ['bad'],
    pending: ['later'],
  })
})
