import { describe, expect, it, onTestFinished } from 'vitest'
import { memory } from '../../drivers/memory/index.ts'
import { offset, seededRandom, silentLogger, systemClock, type Logger } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import { JOB_TOPIC, type Asked } from './job-record.ts'
import { jobTopic, type JobTopic } from './job-topic.ts'

const asked: Asked = {
  kind: 'asked',
  job: 'j',
  at: 1,
  by: 'somebody',
  reason: '',
  group: 'g',
  mode: 'fill',
  ratePerSecond: undefined,
  ranges: [{ topic: 't', partition: 0, from: offset(0), to: offset(1) }],
}

async function opened(): Promise<LogSystem> {
  const env = { clock: systemClock, random: seededRandom(1), logger: silentLogger }
  const system = await memory().open(env)
  onTestFinished(() => system.close())
  return system
}

async function following({ log }: LogSystem, logger: Logger = silentLogger): Promise<JobTopic> {
  const jobs = await jobTopic({ log, clock: systemClock, logger })
  onTestFinished(() => jobs.close())
  return jobs
}

describe('the topic of replays', () => {
  it('is read by every process, from its beginning on, and tells what comes', async () => {
    const system = await opened()
    const one = await following(system)
    const changed = one.changed(new AbortController().signal)
    await one.append(asked)
    await changed
    await one.caughtUp()
    const other = await following(system)
    await other.caughtUp()
    for (const jobs of [one, other]) expect(jobs.book.find('j')?.state).toBe('waiting')
  })

  it('ends a wait with its signal, and everything when it is closed', async () => {
    const jobs = await following(await opened())
    const stop = new AbortController()
    const waiting = jobs.changed(stop.signal)
    stop.abort()
    await waiting
    await jobs.close()
    await jobs.close()
  })

  it('stands still at a record that it does not know, and says so once', async () => {
    const system = await opened()
    const said: string[] = []
    const jobs = await following(system, {
      ...silentLogger,
      error: (...words: unknown[]) => void said.push(String(words.at(-1))),
    })
    await jobs.append(asked)
    await system.log.append(JOB_TOPIC, [{ value: Buffer.from('{"version":9}'), headers: {}, partition: 0 }])
    await expect(jobs.caughtUp()).rejects.toThrow(/format 9/)
    expect(jobs.failed).toBe(true)
    expect(said).toEqual([expect.stringContaining('replays stand still')])
  })
})
