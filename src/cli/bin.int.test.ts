import { execFile, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const bin = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url))

it('the command runs from a checkout without a build', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [bin, 'explain-error', 'LOG_FULL'])
  expect(stdout).toContain('Free disk space')
  expect(stderr).toBe('')
})

it('an old Node is told in one sentence what is wrong', () => {
  // The same file, with another version in place of the real one: no old Node has to be there.
  const script = readFileSync(bin, 'utf8').replace('process.versions.node.split', "'18.20.4'.split")
  expect(script).toContain("'18.20.4'")
  let failure: { status?: number; stderr?: string } = {}
  try {
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    failure = error as typeof failure
  }
  expect(failure.status).toBe(1)
  expect(failure.stderr).toMatch(/^holdfast: needs Node \^22\.22\.0 \|\| >=24\.6\.0, this is .*\n$/)
})

it('the wanted Node is the one that package.json states', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string }
  }
  expect(readFileSync(bin, 'utf8')).toContain(`'${engines.node}'`)
})
