import { execFile, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
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
