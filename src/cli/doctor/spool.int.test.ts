import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openLog } from '../../../test/embedded/open.ts'
import { kafka } from '../../drivers/kafka/index.ts'
import { systemClock } from '../../event/index.ts'
import { spoolFindings } from './spool.ts'

it('doctor reads what a spool holds, and makes nothing where there is none', async () => {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-doctor-spool-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  const folder = join(made, 'spool')
  const log = kafka({ brokers: '127.0.0.1:1' })
  const look = async (): Promise<unknown> =>
    spoolFindings(
      { log, collector: { topics: [], keys: {}, port: 0, spool: { folder, minFreeBytes: 0 } } },
      systemClock,
    )
  expect(await look()).toMatchObject([{ status: 'ok', found: `${folder} is made at the first start` }])
  expect(existsSync(folder)).toBe(false)

  const storage = await openLog(folder)
  await storage.log.topics.create('orders', { partitions: 2 })
  for (const partition of [0, 1])
    await storage.log.append('orders', [{ value: new Uint8Array(), headers: {}, partition }])
  await storage.close()
  expect(await look()).toMatchObject([
    {
      status: 'warn',
      found: expect.stringContaining('holds 2 events, the oldest for 0 min, no collector') as string,
    },
  ])
})
