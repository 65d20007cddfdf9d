import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { problemCatalogue } from '../collect/index.ts'
import { errorCatalogue } from '../event/index.ts'
import { errorsPage, problemsPage } from './errors-page.ts'
import { cliPage } from './cli-page.ts'
import { metricsPage } from './metrics-page.ts'
import { cliProgram, runCli } from './program.ts'

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await runCli(args, { out: text => (out += text), err: text => (err += text), env: {} })
  return { code, out, err }
}

describe('the command line', () => {
  it('prints its version as data', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(await run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  it('answers a command that it does not know with exit code 2 and nothing on stdout', async () => {
    const { code, out, err } = await run('frobnicate')
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('frobnicate')
  })

  it.each([
    [['dlq', 'nosuch'], 'holdfast dlq --help lists the commands'],
    [['retry', 'run-now', 'x', '--nosuch'], 'holdfast retry run-now --help lists the options'],
  ])('names the help of the command that was meant: %j', async (words, help) => {
    expect((await run(...words)).err).toContain(`(${help})`)
  })

  it('says which variable is no port, before it loads an app', async () => {
    let err = ''
    const io = { out: () => {}, err: (text: string) => void (err += text), env: { HOLDFAST_PORT: 'web' } }
    expect(await runCli(['start', 'there-is-no-such-app.ts'], io)).toBe(2)
    expect(err).toContain('HOLDFAST_PORT must be a whole number from 0 (any free port) to 65535, got "web"')
  })

  it('explains every code of the catalogue', async () => {
    for (const [errorCode, { message, advice }] of Object.entries(errorCatalogue)) {
      const { code, out } = await run('explain-error', errorCode)
      expect(code).toBe(0)
      expect(out).toContain(message)
      expect(out).toContain(advice)
    }
  })

  it('explains every problem that the collector answers', async () => {
    for (const [problem, { title, advice }] of Object.entries(problemCatalogue)) {
      const { code, out } = await run('explain-error', problem)
      expect(code).toBe(0)
      expect(out).toContain(title)
      expect(out).toContain(advice)
    }
  })

  it('takes a code as people type it', async () => {
    expect((await run('explain-error', 'log-full')).out).toContain('LOG_FULL')
  })

  it('answers an unknown code with exit code 3 and the nearest ones', async () => {
    const { code, out, err } = await run('explain-error', 'LOG_FUL')
    expect({ code, out }).toEqual({ code: 3, out: '' })
    expect(err).toContain('Did you mean LOG_FULL')
  })
})

async function cliText(): Promise<string> {
  const silent = { out: () => {}, err: () => {}, env: {} }
  return cliPage(await cliProgram(silent, () => {}, ['chaos']))
}

describe('the pages of docs/ that are made from the sources', () => {
  it.each([
    ['errors.md', errorsPage],
    ['collector-problems.md', problemsPage],
    ['metrics.md', metricsPage],
    ['cli.md', cliText],
  ])('%s is up to date (npm run docs writes it)', async (name, page) => {
    expect(readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')).toBe(await page())
  })
})
