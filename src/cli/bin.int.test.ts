import { execFile, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodeProblem } from '../node-version.ts'

const bin = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url))

it('the command runs from a checkout without a build', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [bin, 'explain-error', 'LOG_FULL'])
  expect(stdout).toContain('Free disk space')
  expect(stderr).toBe('')
})

it('a reader that has seen enough, as in `| head`, is no error', async () => {
  const child = spawn(process.execPath, [bin, 'explain-error', 'LOG_FULL'])
  child.stdout.destroy()
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  expect(await new Promise(resolve => child.once('close', resolve))).toBe(0)
  expect(err).toBe('')
})

describe('what Node compiles is kept', () => {
  const isRoot = process.getuid?.() === 0

  /** Runs a command with this folder for caches. Answers what stands there then. */
  function keptIn(cache: string): readonly string[] {
    const { NODE_COMPILE_CACHE: _, ...rest } = process.env
    const env = { ...rest, XDG_CACHE_HOME: cache, TMPDIR: folder() }
    const { status, stderr } = spawnSync(process.execPath, [bin, 'explain-error', 'LOG_FULL'], {
      encoding: 'utf8',
      env,
    })
    expect([status, stderr, readdirSync(env.TMPDIR)]).toEqual([0, '', []])
    return existsSync(cache) && statSync(cache).isDirectory() ? readdirSync(cache) : []
  }

  function folder(): string {
    const made = mkdtempSync(join(tmpdir(), 'holdfast-cache-'))
    onTestFinished(() => rmSync(made, { recursive: true, force: true }))
    return made
  }

  it('in the caches of the user, for nobody else', () => {
    const cache = folder()
    expect(keptIn(cache)).toEqual(['holdfast'])
    expect(statSync(join(cache, 'holdfast')).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(cache, 'holdfast', 'compiled'))).not.toEqual([])
  })

  const unfit: readonly (readonly [string, (cache: string) => void])[] = [
    ['is not there', cache => rmSync(cache, { recursive: true })],
    ['can be written to by a group', cache => chmodSync(cache, 0o770)],
    [
      'is a file',
      cache => {
        rmSync(cache, { recursive: true })
        writeFileSync(cache, '')
      },
    ],
  ]
  const foreign = ["is somebody else's", (cache: string) => chownSync(cache, 65_534, 65_534)] as const

  it.each(isRoot ? [...unfit, foreign] : unfit)('nowhere when the folder %s', (_, change) => {
    const cache = folder()
    change(cache)
    expect(keptIn(cache)).toEqual([])
  })
})

/** Runs the file with another version in place of the real one: no old Node has to be there. */
function asNode(version: string): { status: number | null; err: string } {
  const script = readFileSync(bin, 'utf8').replace('process.versions.node.split', `'${version}'.split`)
  expect(script).toContain(`'${version}'`)
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  return { status, err: stderr }
}

it.each(['18.20.4', '20.20.2', '22.21.9', '23.11.0', '24.5.0'])(
  'Node %s is told in one sentence what is wrong',
  version => {
    const { status, err } = asNode(version)
    expect(status).toBe(1)
    expect(err).toMatch(/^holdfast: needs Node \^22\.22\.0 \|\| >=24\.6\.0, this is .*\n$/)
    expect(nodeProblem(version)).toContain(`needs Node ^22.22.0 || >=24.6.0, this is ${version}. Install`)
  },
)

it.each(['22.22.0', '24.6.0', '25.0.0'])('Node %s is let through', version => {
  // Evaluated from a string, it cannot find the file beside it; that it looked for it is what counts here.
  expect(asNode(version).err).toContain('launch.js')
  expect(nodeProblem(version)).toBeUndefined()
})

it('the wanted Node is the one that package.json states', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string }
  }
  expect(readFileSync(bin, 'utf8')).toContain(`'${engines.node}'`)
  expect(nodeProblem('20.0.0')).toContain(` ${engines.node}, `)
})
