import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  killChildren,
  startChild as startEmbedded,
  type Child as EmbeddedChild,
} from '../../../test/embedded/child.ts'
import { openLog } from '../../../test/embedded/open.ts'
import { startChild, type Child } from '../../../test/harness/child.ts'
import { observed } from '../../../test/harness/observed.ts'
import { scale, seed } from '../../../test/harness/scale.ts'
import { until } from '../../../test/harness/until.ts'
import { isHoldfastError, offset, seededRandom } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'

const appender = join(import.meta.dirname, '../../../test/embedded/appender.ts')

/** What a container gives its processes: a namespace of process ids. Only root on Linux can make one. */
const CONTAINER = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']
const noContainer = spawnSync(CONTAINER[0] ?? '', [...CONTAINER.slice(1), 'true']).status !== 0

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-processes-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const start = (folder: string, name: string, calls: number): Promise<Child> =>
  startChild({ name, args: [appender, folder, name, String(calls)] })

/** What a process was told is stored: `id@partition/offset`. */
const acknowledged = ({ stdout }: Child): string[] =>
  stdout.filter(line => line.startsWith('acknowledged ')).flatMap(line => line.split(' ').slice(1))

/** What the log holds, in order within each partition, as `id@partition/offset`. */
async function stored({ log }: LogSystem): Promise<string[]> {
  const found: string[] = []
  for (let partition = 0; partition < 3; partition++) {
    const { end } = await log.bounds({ topic: 'events', partition })
    for (let at = offset(0); at < end;) {
      const limits = { maxRecords: 1_000, maxBytes: 1024 * 1024, waitMs: 0 }
      const result = await log.read({ topic: 'events', partition, offset: at }, limits, AbortSignal.any([]))
      for (const { value, offset } of result.records) {
        found.push(
          `${Buffer.from(value ?? [])
            .toString()
            .trim()}@${partition}/${offset}`,
        )
      }
      at = result.next
    }
  }
  return found
}

describe('processes on one folder', () => {
  it(
    'a process that exits within a commit ends with its exit code, and holds up nobody',
    { timeout: 120_000 },
    async () => {
      const folder = newFolder()
      let within = 0
      for (let n = 0; n < 100 && within < 3; n++) {
        const writer = startEmbedded('exiting-writer.ts', [folder, String(n % 30)])
        const { code } = await writer.endedWithin(20_000)
        expect(code).toBe(3)
        if (writer.errors().includes('within a commit')) within += 1
      }
      expect(within).toBe(3)
      observed(`${within} processes ended within a commit, with their exit code`)
      const system = await openLog(folder)
      await system.log.append('t', [{ value: Buffer.alloc(1), headers: {}, partition: 0 }])
      await system.close()
    },
  )

  it('hazard 18: several append at once: every offset once, in order, each with the record it was told for', async () => {
    const folder = newFolder()
    const count = scale({ short: 2, long: 20 })
    const calls = scale({ short: 150, long: 300 })
    const names = Array.from({ length: count }, (_, i) => `p${i}`)
    const children = await Promise.all(names.map(name => start(folder, name, calls)))
    const exits = await Promise.all(children.map(({ exited }) => exited))
    expect(exits.map(({ code }) => code)).toEqual(names.map(() => 0))
    const told = children.flatMap(acknowledged)
    expect(told).toHaveLength(count * 8 * (calls / 3) * 6)
    const system = await openLog(folder)
    onTestFinished(() => system.close())
    const there = await stored(system)
    expect(new Set(there)).toEqual(new Set(told))
    expect(there).toHaveLength(told.length)
    // Without gaps, and the processes between each other: one after the other would prove nothing.
    const writers = there.map(entry => entry.split('-')[0])
    const turns = writers.filter((writer, i) => i > 0 && writer !== writers[i - 1]).length
    expect(turns, 'changes of the writer within the log').toBeGreaterThan(count * 10)
    observed(`${count} processes, ${told.length} records, ${turns} changes of the writer`)
  })

  it.skipIf(noContainer)(
    'hazard 18: processes of two containers and of none refuse each other, naming who has it',
    async () => {
      onTestFinished(killChildren)
      const folder = newFolder()
      const inContainer = (name: string): EmbeddedChild =>
        startEmbedded('appender.ts', [folder, name, '0'], { under: CONTAINER })
      const there = inContainer('there')
      await there.said('acknowledged')
      const error = await openLog(folder).catch((error: unknown) => error)
      if (!isHoldfastError(error, 'LOG_IN_USE')) throw new Error('should have been refused', { cause: error })
      expect(error.facts).toMatchObject({ host: hostname() })
      const foreign = error.facts['pid']
      expect(foreign).toBe(1)
      // Both are process 1 of their container, on one machine.
      await expect(inContainer('second').said('acknowledged')).rejects.toThrow(
        new RegExp(`LOG_IN_USE[^]*process ${String(foreign)} on`),
      )
      await there.kill()

      const system = await openLog(folder)
      onTestFinished(() => system.close())
      const late = inContainer('late')
      await expect(late.said('acknowledged')).rejects.toThrow(
        new RegExp(`LOG_IN_USE[^]*process ${process.pid} on`),
      )
      observed(
        `pid 1 of a namespace kept out pid 1 of another and pid ${process.pid} of none, which then kept out a third`,
      )
    },
  )

  it('hazard 1: killed at any moment under load, the log holds all that was acknowledged, where it was told', async () => {
    const folder = newFolder()
    const random = seededRandom(seed)
    const rounds = scale({ short: 6, long: 100 })
    const told: string[] = []
    for (let round = 0; round < rounds; round++) {
      const child = await start(folder, `r${round}`, 0)
      const calls = 1 + Math.floor(random() * 300)
      await until(`${calls} calls`, () => acknowledged(child).length > calls)
      expect(await child.kill()).toMatchObject({ signal: 'SIGKILL' })
      told.push(...acknowledged(child))
      const system = await openLog(folder)
      const there = await stored(system)
      const held = new Set(there)
      expect(told.filter(entry => !held.has(entry))).toEqual([])
      expect(held.size).toBe(there.length)
      // hazard 23: positions are never ahead of the records that they stand behind.
      const committed = child.stdout
        .findLast(line => line.startsWith('committed '))
        ?.slice('committed '.length)
      const positions = await system.groups.committed(`r${round}`) // refused when one stands above the end
      if (committed !== undefined) {
        const [partition, at] = committed.split('/')
        const stands = positions.find(p => p.partition === Number(partition))
        expect(stands?.offset ?? -1n).toBeGreaterThanOrEqual(BigInt(at ?? 0))
      }
      await system.close()
    }
    observed(
      `${rounds} processes killed by SIGKILL under load, ${told.length} records acknowledged, 0 missing`,
    )
  })

  it('wakes a reader when another process appends', async () => {
    const folder = newFolder()
    const system = await openLog(folder)
    onTestFinished(() => system.close())
    await system.log.topics.create('events', { partitions: 3 })
    const at = { topic: 'events', partition: 0, offset: offset(0) }
    const limits = { maxRecords: 10, maxBytes: 1024, waitMs: 600_000 }
    const reading = system.log.read(at, limits, AbortSignal.any([]))
    const child = await start(folder, 'other', 3)
    expect((await reading).records.length).toBeGreaterThan(0)
    await child.exited
  })
})
