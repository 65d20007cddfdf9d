import { expect, it } from 'vitest'
import { memory } from '../../drivers/memory/index.ts'
import { offset, seededRandom, silentLogger, systemClock, type LogRecord } from '../../event/index.ts'
import { describeFailure } from '../failure.ts'
import { decodeLetter } from './letter-record.ts'
import { writeDeath } from './write-death.ts'

it('a letter that has no room for all that happened keeps its event whole, and the beginning of the rest', async () => {
  const env = { clock: systemClock, random: seededRandom(1), logger: silentLogger }
  const { log } = await memory({ maxRecordBytes: 4_096 }).open(env)
  await log.topics.create('t.g.dead', { partitions: 1 })
  const value = new Uint8Array(2_500).fill(7)
  const event: LogRecord = {
    topic: 't',
    partition: 0,
    offset: offset(4),
    key: 'k',
    headers: {},
    timestamp: 1,
    value,
  }
  const error = Object.assign(new Error('wrong '.repeat(150)), { stack: 'at '.repeat(1_300) })
  const failure = describeFailure(error, 2)
  await writeDeath(log, event, {
    group: 'g',
    reason: 'data',
    attempts: 1,
    first: failure,
    last: failure,
    diedAt: 3,
  })
  const at = { topic: 't.g.dead', partition: 0, offset: offset(0) }
  const limits = { maxRecords: 9, maxBytes: 1e6, waitMs: 0 }
  const { records } = await log.read(at, limits, new AbortController().signal)
  const letters = records.map(decodeLetter)
  expect(letters).toMatchObject([{ offset: '4', key: 'k', reason: 'data', value }])
  expect(letters[0]?.last.message).toMatch(/^wrong wrong/)
  expect(letters[0]?.last.stack).toBeUndefined()
})
