import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { embedded } from '../drivers/embedded/index.ts'
import { topic } from '../schema/index.ts'
import { app } from './app.ts'

const events = { noted: z.object({}) }
const unsaid = topic('unsaid', { events })
const said = topic('said', { retain: '30d', events })

it('a topic without retain is kept for 7 days, and that is said once, when it is made', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-retain-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const lines: string[] = []
  const say = (_: unknown, line: string): void => void lines.push(line)
  for (const start of [1, 2]) {
    const logger = { debug() {}, info: say, warn: say, error: say }
    const a = app({ name: 'test', log: embedded(folder), logger })
    a.consumer('both', [unsaid, said], { from: 'earliest' }).on('noted', () => {})
    await a.start()
    await a.publish(unsaid, 'noted', {})
    expect(await a.system.log.topics.describe('unsaid'), `start ${start}`).toMatchObject({
      retentionMs: 7 * 24 * 60 * 60 * 1000,
    })
    await a.stop()
  }
  expect(lines).toEqual(['topic unsaid names no retain: its events are kept for 7 days'])
})
