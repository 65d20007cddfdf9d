import { existsSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import axe from 'axe-core'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { afterAll, expect, onTestFinished } from 'vitest'

/** `CHROMIUM`, or the first of its names on PATH. */
const executable = [
  process.env['CHROMIUM'],
  ...onPath('chromium'),
  ...onPath('chromium-browser'),
  ...onPath('google-chrome'),
].find(file => file !== undefined && existsSync(file))

/** Undefined when a browser is there, else what to put into the name of the skipped tests. */
export const missingBrowser: string | undefined =
  executable === undefined ? 'Chromium (apt-get install chromium, or set CHROMIUM)' : undefined

function onPath(name: string): string[] {
  return (process.env['PATH'] ?? '').split(path.delimiter).map(folder => path.join(folder, name))
}

export interface SeenPage {
  readonly page: Page
  /** Every line of its console, every error and every request, but that for the page itself. */
  readonly noise: readonly string[]
}

let started: Promise<Browser> | undefined

/** One browser for a file of tests. Call it once, outside of tests. */
export function testBrowser(): (
  url: string,
  options?: BrowserContextOptions,
  initScript?: string,
) => Promise<SeenPage> {
  afterAll(async () => (await started)?.close())
  return async (url, options = {}, initScript = '') => {
    started ??= chromium.launch({ executablePath: executable ?? '', args: ['--no-sandbox'] })
    const context = await (await started).newContext({ viewport: { width: 1280, height: 900 }, ...options })
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.addInitScript(initScript)
    const noise: string[] = []
    page.on('console', message => noise.push(`console: ${message.text()}`))
    page.on('pageerror', error => noise.push(`error: ${error.message}`))
    page.on('request', request => {
      if (request.url() !== url) noise.push(`request: ${request.url()}`)
    })
    await page.goto(url)
    return { page, noise }
  }
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly html: string }[]
  }[]
  readonly passes: readonly unknown[]
}

/** Of WCAG 2.2 AA what a machine can check. Contrast takes seconds and changes with the theme only: leave it out where it is not asked. */
export async function expectAccessible(
  page: Page,
  { contrast }: { readonly contrast: boolean },
): Promise<void> {
  await page.evaluate(axe.source)
  const rules = `{ 'color-contrast': { enabled: ${contrast} } }`
  const tags = `['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']`
  const results = await page.evaluate<AxeResults>(
    `axe.run({ runOnly: { type: 'tag', values: ${tags} }, rules: ${rules} })`,
  )
  expect(results.passes.length).toBeGreaterThan(15)
  expect(
    results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`),
  ).toEqual([])
}

/** Nothing has to be scrolled sideways but what says so, such as a wide table. */
export async function expectNoSideways(page: Page): Promise<void> {
  const [content, view] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )
  expect(content).toBeLessThanOrEqual(view)
}
