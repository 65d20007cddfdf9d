import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { testDatabase } from '../../../test/postgres.ts'
import type { DatabaseFault } from './database-faults.ts'
import { startDatabase } from './database.ts'
import { probe } from './probe.ts'
import { noSmallDisk } from './small-disk.ts'

/** One cluster for all, which each test finds as the last one left it: healthy. */
const cluster = mkdtempSync(join(tmpdir(), 'holdfast-faults-pg-'))
afterAll(() => rmSync(cluster, { recursive: true, force: true }))

const others = testDatabase()

interface Faulted {
  readonly url: string
  readonly begin: () => Promise<string[]>
  readonly end: () => Promise<string[]>
}

async function databaseFor(fault: DatabaseFault): Promise<Faulted> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
  const database = await startDatabase({
    folder: cluster,
    runFolder: join(folder, 'run'),
    faults: [{ target: 'postgres', fault, at: 0, for: 1 }],
  })
  onTestFinished(async () => {
    await database.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const { url } = await database.create('one')
  return { url, begin: () => database.begin(fault), end: () => database.end(fault) }
}

const answers = async (url: string): Promise<string> => (await probe(url, 'select 1', 1_000)).said

test.each([
  ['kill', 'ECONNREFUSED'],
  ['stop', 'no answer'],
  ['reset', 'ECONNRESET'],
] as const)(
  '%s: a database is away for everybody, which is seen, and comes back with its rows',
  async (fault, said) => {
    const { url, begin, end } = await databaseFor(fault)
    const client = new Client({ connectionString: url })
    const broken = new Promise(resolve => client.on('error', resolve))
    await client.connect()
    await client.query('create table kept as select 42 as answer')
    const seen = await begin()
    expect(seen.at(-1)).toBe(`a new connection met ${said}`)
    expect(await answers(url)).toBe(said)
    if (fault !== 'stop') await broken
    expect(await end()).toEqual([expect.stringMatching(/^it answered again \d+ ms after the end$/)])
    expect(await probe(url, 'select 1 / (answer - 41) from kept', 5_000)).toMatchObject({ answered: true })
    await client.end().catch(() => {})
  },
)

test('slow: an answer takes half a second longer, and only as long as the fault lasts', async () => {
  const { url, begin, end } = await databaseFor('slow')
  expect((await begin())[0]).toMatch(/^a question took \d{3,} ms$/)
  expect((await probe(url, 'select 1', 60_000)).ms).toBeGreaterThan(500)
  await end()
  // A machine that does other things may be slow by itself, but not each time by half a second.
  const swift = async (): Promise<boolean> => {
    const { answered, ms } = await probe(url, 'select 1', 5_000)
    return answered && ms < 500
  }
  await expect.poll(swift, { timeout: 30_000 }).toBe(true)
})

test.skipIf(noSmallDisk)(
  'disk-full: nothing can be written, which is seen, until there is room again',
  async () => {
    const { url, begin, end } = await databaseFor('disk-full')
    const seen = await begin()
    expect(seen[0]).toMatch(/^ENOSPC after \d+ bytes were taken$/)
    expect(seen[1]).toMatch(/^a write met (53100|57P0\d|ECONNRE\w+|Connection terminated.*)$/)
    await end()
    expect(await probe(url, 'create table fits as select 1', 5_000)).toMatchObject({ answered: true })
  },
)

test('a server that was not started here is neither killed nor stopped nor filled', async () => {
  for (const fault of ['kill', 'stop', 'disk-full'] as const) {
    const started = startDatabase({
      folder: '/nowhere',
      runFolder: '/nowhere',
      url: 'postgres://127.0.0.1:1/x',
      faults: [{ target: 'postgres', fault, at: 0, for: 1 }],
    })
    await expect(started).rejects.toThrow(/only for a PostgreSQL that this command started/)
  }
})

test('on a server that was not started here only connections are broken, and what was made in it is dropped', async () => {
  const runFolder = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
  onTestFinished(() => rmSync(runFolder, { recursive: true, force: true }))
  const database = await startDatabase({
    folder: '/nowhere',
    runFolder,
    url: others.url,
    faults: [{ target: 'postgres', fault: 'reset', at: 0, for: 1 }],
  })
  const { url, direct } = await database.create('chaos_here')
  expect((await database.begin('reset')).at(-1)).toBe('a new connection met ECONNRESET')
  // Whoever does not come through the proxy notices nothing.
  expect([await answers(url), await answers(direct)]).toEqual(['ECONNRESET', 'an answer'])
  await database.end('reset')
  expect(await answers(url)).toBe('an answer')
  await database.stop()
  expect(await answers(direct)).toBe('3D000') // there is no such database
  expect(await answers(others.url)).toBe('an answer')
})
