import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLog, readAll } from '../../../test/embedded/open.ts'
import { addStranger } from '../../../test/embedded/stranger.ts'
import { startChild } from '../../../test/harness/child.ts'
import { observed } from '../../../test/harness/observed.ts'
import { until } from '../../../test/harness/until.ts'
import { isHoldfastError, systemClock, type Clock, type HoldfastError } from '../../event/index.ts'

const appender = join(import.meta.dirname, '../../../test/embedded/appender.ts')

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-folder-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function makeLog(folder: string): Promise<void> {
  const system = await openLog(folder)
  await system.log.topics.create('t', { partitions: 1 })
  await system.log.append('t', [{ value: Buffer.from('x'), headers: {} }])
  await system.close()
}

async function refusal(folder: string, clock: Clock = systemClock): Promise<HoldfastError> {
  const opened = await openLog(folder, {}, clock).catch((error: unknown) => error)
  if (isHoldfastError(opened)) return opened
  throw new Error('should have been refused', { cause: opened })
}

const holders = (folder: string): string[] => readdirSync(join(folder, 'holders'))

/** Waiting takes no time; `waited` is told each time. */
const impatient = (waited: () => void): Clock => ({
  ...systemClock,
  after(ms, fn) {
    if (ms !== 500) return systemClock.after(ms, fn) // other timers of the log
    waited()
    return systemClock.after(0, fn)
  },
})

describe('the folder', () => {
  it('refuses a format of a newer version, naming the version that wrote it, and leaves everything as it was', async () => {
    const folder = newFolder()
    await makeLog(folder)
    writeFileSync(join(folder, 'holdfast.json'), JSON.stringify({ format: 2, writtenBy: '9.8.7' }))
    const before = readFileSync(join(folder, 'data.mdb'))
    const error = await refusal(folder)
    expect(error.code).toBe('LOG_VERSION')
    expect(error.message).toContain('written by Holdfast 9.8.7')
    expect(readFileSync(join(folder, 'data.mdb')).equals(before)).toBe(true)
    expect(holders(folder)).toEqual([])
  })

  it('hazard 16: takes a folder that has lost its file, or says no format, for damaged and not for new', async () => {
    const folder = newFolder()
    await makeLog(folder)
    rmSync(join(folder, 'data.mdb'))
    expect((await refusal(folder)).code).toBe('LOG_CORRUPT')
    writeFileSync(join(folder, 'data.mdb'), '')
    expect((await refusal(folder)).code).toBe('LOG_CORRUPT')
    writeFileSync(join(folder, 'holdfast.json'), '{"form')
    expect((await refusal(folder)).code).toBe('LOG_CORRUPT')
    observed('the data file was removed, emptied; the format was cut')
  })

  it('goes on where making a new log was cut off before its format was written', async () => {
    const folder = newFolder()
    await makeLog(folder)
    rmSync(join(folder, 'holdfast.json'))
    const system = await openLog(folder)
    onTestFinished(() => system.close())
    expect(await readAll(system, 't', 0)).toHaveLength(1)
    expect(existsSync(join(folder, 'holdfast.json'))).toBe(true)
  })

  it('hazard 22: needs nothing but the file of the environment and the format: all else is made again', async () => {
    const folder = newFolder()
    await makeLog(folder)
    for (const name of readdirSync(folder)) {
      if (name !== 'data.mdb' && name !== 'holdfast.json') rmSync(join(folder, name), { recursive: true })
    }
    const system = await openLog(folder)
    onTestFinished(() => system.close())
    expect(await readAll(system, 't', 0)).toHaveLength(1)
    observed('holders, lock file and reserve removed')
  })

  it('hazard 18: refuses a folder that a process of another boot holds, naming it', async () => {
    const folder = newFolder()
    const lives = addStranger(folder, 0)
    let waits = 0
    const error = await refusal(
      folder,
      impatient(() => {
        waits++
        lives()
      }),
    )
    expect(error.code).toBe('LOG_IN_USE')
    expect(error.facts).toMatchObject({ pid: 4711, host: 'other-host', bootId: 'another-boot' })
    expect(holders(folder)).toEqual(['stranger.json'])
    expect(existsSync(join(folder, 'data.mdb')), 'nothing was opened').toBe(false)
    observed(`a stranger that showed itself ${waits} time(s)`)
  })

  it('hazard 18: takes a folder over from a process of an earlier boot, at once or when it shows no life', async () => {
    for (const lastSeenMsAgo of [3_600_000, 0]) {
      const folder = newFolder()
      addStranger(folder, lastSeenMsAgo)
      let waits = 0
      const system = await openLog(
        folder,
        {},
        impatient(() => void waits++),
      )
      expect(holders(folder)).not.toContain('stranger.json')
      expect(waits > 0).toBe(lastSeenMsAgo === 0)
      await system.close()
    }
    observed('two strangers that showed no life')
  })

  it('shares a folder within a process and with others of this boot, and forgets those that were killed', async () => {
    const folder = newFolder()
    const [a, b] = [await openLog(folder), await openLog(folder)]
    const child = await startChild({ name: 'other', args: [appender, folder, 'other', '0'] })
    await until('it has appended', () => child.stdout.some(line => line.startsWith('acknowledged')))
    expect(holders(folder)).toHaveLength(3)
    await child.kill()
    const c = await openLog(folder)
    expect(holders(folder)).toHaveLength(3)
    for (const system of [a, b, c]) await system.close()
    expect(holders(folder)).toEqual([])
  })
})
