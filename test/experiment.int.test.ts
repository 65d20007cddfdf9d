import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { arms } from '../chaos/src/arms/index.ts'
import { createTables } from '../examples/drivers/src/tables.ts'
import { startChild } from './harness/child.ts'
import { until } from './harness/until.ts'
import { testDatabase } from './postgres.ts'

/**
 * docs/experiment.md as a reader follows it: every command, in order, in a folder of its own. Only ports are others, and
 * times and systems are fewer.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const page = readFileSync(join(root, 'docs/experiment.md'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-experiment-'))
const database = testDatabase()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Six commands that start processes and databases: only a hang meets it. */
const PATIENCE_MS = 300_000

const commands = blocks('sh').flatMap(block => block.split('\n').filter(line => line !== ''))

test('every command of docs/experiment.md does what the page says', { timeout: PATIENCE_MS }, async () => {
  expect(commands.map(command => command.split(' ').slice(0, 4).join(' '))).toEqual([
    'npx holdfast chaos run',
    'npx holdfast chaos list',
    'npx holdfast chaos compare',
    'npx holdfast chaos run',
    'npx holdfast chaos own',
    'npx holdfast load --target',
  ])
  const [quick = '', list = '', compare = '', own = '', yours = '', load = ''] = commands
  const [scenario = ''] = blocks('yaml')

  // So short a run proves nothing, and its checks may say so.
  const short = await shell(quick.replace('--quick', '--duration 3s --arms rest'))
  expect([0, 7]).toContain(short.code)
  expect(existsSync(join(folder, 'report.html'))).toBe(true)
  expect(await shell(list)).toMatchObject({ code: 0, out: expect.stringContaining('rest-vs-log') })
  expect(await shell(compare)).toMatchObject({ code: 0 })

  writeFileSync(join(folder, 'cache-away.yaml'), scenario)
  expect(await shell(`${own} --arms holdfast --duration 5s`)).toMatchObject({ code: 0 })

  const port = await startDrivers()
  const here = (command: string): string =>
    command.replace('4300', port).replace('--duration 30s', '--duration 3s')
  expect(await shell(here(yours))).toMatchObject({ code: 0 })
  expect(await shell(here(load))).toMatchObject({ code: 0 })
})

test('docs/experiment.md names every arm, and every flag of the naive one', () => {
  const tables = page.split(/^#+ /m).flatMap(chapter => chapter.split(/\n\n/))
  const firstColumn = (head: string): string[] => {
    const table = tables.find(text => text.startsWith(`| ${head} |`)) ?? ''
    return [...table.matchAll(/^\| `([a-z-]+)`/gm)].map(([, name = '']) => name)
  }
  expect(firstColumn('arm').toSorted()).toEqual(Object.keys(arms).toSorted())
  expect(firstColumn('flag').toSorted()).toEqual(Object.keys(arms['naive']?.flags ?? {}).toSorted())
})

function blocks(language: string): string[] {
  const fenced = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g')
  return [...page.matchAll(fenced)].map(([, block = '']) => block)
}

/** Runs one command of the page in a shell; `code` is its exit code. */
async function shell(command: string): Promise<{ code: number; out: string; err: string }> {
  const bin = `'${process.execPath}' '${join(root, 'bin/holdfast.js')}'`
  const env = { ...process.env, HOLDFAST_DATA: join(folder, '.holdfast'), DATABASE_URL: database.url }
  return await promisify(execFile)('bash', ['-c', command.replace('npx holdfast', bin)], {
    cwd: folder,
    env,
  }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  )
}

/** The page's example of a service: answers the port that it listens on. */
async function startDrivers(): Promise<string> {
  await createTables(database.url)
  const args = ['bin/holdfast.js', 'start', 'examples/drivers/src/app.ts', '--admin-port', '0']
  const env = { DATABASE_URL: database.url, HOLDFAST_DATA: join(folder, 'drivers'), HOLDFAST_PORT: '0' }
  const app = await startChild({ name: 'drivers', args, env, cwd: root })
  return await until('it serves', () =>
    app.stderr.map(line => /collector http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]).find(Boolean),
  )
}
