import { expect, it, onTestFinished } from 'vitest'
import { anyLog } from '../../../test/support/test-logs.ts'
import { app } from '../app.ts'
import * as calls from './index.ts'
import { operations } from './table.ts'

it('operations are calls in code, with who it was in the audit trail', async () => {
  const a = app({ name: 'shop', log: anyLog() })
  await a.start()
  onTestFinished(() => a.stop())
  const call = calls.operate(a, 'the nightly job')
  await call(calls.topicCreate, { topic: 'made', partitions: 2 }, { reason: 'ticket 7' })
  expect(await call(calls.topicDelete, { topic: 'made' })).toMatchObject({ format: 1, executed: false })
  await call(calls.topicDelete, { topic: 'made' }, { execute: true, reason: 'ticket 8' })
  const { acts } = await call(calls.auditList, {})
  expect(acts).toMatchObject([
    { operation: 'topic.delete', who: 'the nightly job', reason: 'ticket 8', outcome: 'done' },
    { operation: 'topic.create', who: 'the nightly job', reason: 'ticket 7', outcome: 'done' },
  ])
})

it('every operation of the table is there for code, and no other', () => {
  const exported = Object.values(calls).filter(one => typeof one === 'object')
  expect(new Set(exported)).toEqual(new Set(operations))
  expect(new Set(operations.map(({ name }) => name)).size).toBe(operations.length)
})
