import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expectAccessible, expectNoSideways, missingBrowser, testBrowser } from './browser.ts'
import { sampleResult, type SampleOptions } from '../../test/sample-result.ts'
import type { Result } from '../../src/contract/result.ts'
import { MAX_DATA_BYTES } from '../../src/report/report-data.ts'
import { writeReport } from '../../src/report/write-report.ts'

const MAX_SHELL_BYTES = 120 * 1024

async function written(result: Result): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-report-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'deep', 'report.html')
  await writeReport(result, file)
  return file
}

const urlOf = async (result: Result): Promise<string> => pathToFileURL(await written(result)).href

const runs: readonly (readonly [string, SampleOptions])[] = [
  ['of the quick run', {}],
  ['of a run of four hours', { seconds: 14_400 }],
  ['of an interrupted run', { partial: true }],
  ['of a run without a fault', { fault: false }],
  ['of one arm', { arms: ['holdfast'] }],
]

it.each(runs)('the report %s is one file within its budget', async (_, options) => {
  const html = readFileSync(await written(sampleResult(options)), 'utf8')
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? ''
  expect(Buffer.byteLength(data)).toBeGreaterThan(1_000)
  expect(Buffer.byteLength(data)).toBeLessThanOrEqual(MAX_DATA_BYTES)
  expect(Buffer.byteLength(html) - Buffer.byteLength(data)).toBeLessThanOrEqual(MAX_SHELL_BYTES)
})

describe.skipIf(missingBrowser)(
  `the report in a browser${missingBrowser ? `, not run: needs ${missingBrowser}` : ''}`,
  () => {
    const open = testBrowser()

    it.each(runs)('%s: draws without an error, a request or a sideways scroll', async (_, options) => {
      const result = sampleResult(options)
      const { page, noise } = await open(await urlOf(result))
      await page.locator('.uplot canvas').first().waitFor()
      for (const arm of result.arms) await page.getByRole('heading', { name: arm.title }).first().waitFor()
      expect(await page.locator('.uplot').count()).toBeGreaterThan(result.arms.length + 2)
      expect(noise).toEqual([])
      await expectNoSideways(page)
      await page.setViewportSize({ width: 320, height: 700 })
      await expectNoSideways(page)
    })

    it('draws what there is of a run that was interrupted at once: arms without a second, or none', async () => {
      const result = sampleResult({ partial: true, seconds: 0, fault: false, arms: ['rest', 'holdfast'] })
      const silent = result.arms.map(arm => ({
        ...arm,
        series: Object.fromEntries(
          Object.keys(arm.series).map(name => [name, []]),
        ) as unknown as typeof arm.series,
      }))
      for (const arms of [silent, []]) {
        const { page, noise } = await open(await urlOf({ ...result, arms }))
        await page.getByRole('heading', { name: 'The run was interrupted: nothing is asserted' }).waitFor()
        expect(await page.locator('.card').count()).toBe(arms.length)
        expect(noise).toEqual([])
      }
    })

    it.each(['light', 'dark'] as const)(
      'passes axe in the %s theme, wide and narrow, all of it opened',
      { timeout: 240_000 },
      async colorScheme => {
        const { page } = await open(await urlOf(sampleResult()), { colorScheme })
        await page.locator('.uplot canvas').first().waitFor()
        await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`)
        await page.locator('.data table').last().waitFor()
        await expectAccessible(page, { contrast: true })
        await page.setViewportSize({ width: 320, height: 700 })
        await expectAccessible(page, { contrast: false })
      },
    )

    it('is walked by keyboard alone: every control gets a visible focus, and one cursor moves through all charts', async () => {
      const { page } = await open(await urlOf(sampleResult()))
      const slider = page.getByRole('slider').first()
      await slider.waitFor()
      const walked = new Set<string>()
      for (let step = 0; step < 200; step++) {
        await page.keyboard.press('Tab')
        const [what, outline] = await page.evaluate<[string, string]>(
          `[document.activeElement.tagName + ' ' + (document.activeElement.getAttribute('role') ?? ''), getComputedStyle(document.activeElement).outlineStyle]`,
        )
        if (what.startsWith('BODY')) break
        expect(outline, what).not.toBe('none')
        walked.add(what.trim())
      }
      expect([...walked].toSorted()).toEqual([
        'A',
        'BUTTON',
        'DIV region',
        'DIV slider',
        'INPUT',
        'PRE region',
        'SUMMARY',
      ])
      await slider.focus()
      await page.keyboard.press('Home')
      for (let step = 0; step < 20; step++) await page.keyboard.press('ArrowRight')
      expect(await slider.getAttribute('aria-valuetext')).toMatch(
        /^0:20, during postgres kill, 2xx 0\/s, refused/,
      )
      const charts = await page.getByRole('slider').count()
      expect(charts).toBeGreaterThan(6)
      expect(await page.locator('.cursor-area .moment').allTextContents()).toEqual(Array(charts).fill('0:20'))
      await page.keyboard.press('Escape')
      expect(await page.locator('.moment').count()).toBe(0)
    })

    it('looks closer at a fault, and back', async () => {
      const { page } = await open(await urlOf(sampleResult()))
      const slider = page.getByRole('slider').first()
      await page.getByRole('button', { name: 'Around postgres kill' }).click()
      expect([
        await slider.getAttribute('aria-valuemin'),
        await slider.getAttribute('aria-valuemax'),
      ]).toEqual(['11', '35'])
      await page.getByRole('button', { name: 'Whole run' }).click()
      expect([
        await slider.getAttribute('aria-valuemin'),
        await slider.getAttribute('aria-valuemax'),
      ]).toEqual(['0', '50'])
    })

    it('shows the figures behind a chart as a table', async () => {
      const { page } = await open(await urlOf(sampleResult()))
      await page.getByText('Figures as a table').first().click()
      const rows = page.locator('.data[open] tbody tr')
      expect(await rows.count()).toBe(50)
      expect(await rows.nth(20).allInnerTexts()).toEqual([
        expect.stringMatching(/^0:20\t0\/s\t4\d\/s\t\d\/s\tpostgres kill$/),
      ])
    })

    it('counts the cost anew when an input changes, and marks it as yours', async () => {
      const { page } = await open(await urlOf(sampleResult()))
      const row = page.getByRole('row', { name: /^REST, direct writer.*measured/ })
      const before = await row.innerText()
      const field = page.locator('.field', { hasText: 'Value of one' })
      expect(await field.innerText()).toContain('published')
      await field.getByRole('spinbutton').fill('0.1')
      expect(await field.innerText()).toContain('yours')
      expect(before).toContain('$1,800')
      expect(await row.innerText()).toContain('$18,000')
      // The published example stays what was published.
      expect(await page.getByRole('row', { name: /^The published example/ }).innerText()).toContain('$18,000')
    })

    it('prints without navigation, on white, also from a dark screen', async () => {
      const { page } = await open(await urlOf(sampleResult()), { colorScheme: 'dark' })
      await page.locator('.uplot canvas').first().waitFor()
      expect(await page.getByRole('navigation').isVisible()).toBe(true)
      await page.emulateMedia({ media: 'print' })
      expect(await page.getByRole('navigation').isVisible()).toBe(false)
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
        'rgb(255, 255, 255)',
      )
      expect((await page.pdf({ format: 'A4' })).byteLength).toBeGreaterThan(50_000)
      // Paper cannot be opened by a click.
      expect(await page.locator('.arm[open]').count()).toBe(3)
    })

    it('shows hostile text as text, wherever it stands', async () => {
      const hostile = `</script><img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>`
      const evil = JSON.parse(
        JSON.stringify(sampleResult(), (key, value: unknown) =>
          typeof value === 'string' && key !== 'kind' ? `${value}${hostile}` : value,
        ),
      ) as Result
      const { page, noise } = await open(await urlOf(evil))
      await page.locator('.uplot canvas').first().waitFor()
      await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`)
      expect(await page.getByText(hostile).count()).toBeGreaterThan(50)
      expect(await page.evaluate('globalThis.hacked')).toBeUndefined()
      expect(await page.locator('img').count()).toBe(0)
      expect(noise).toEqual([])
      await page.setViewportSize({ width: 320, height: 700 })
      await expectNoSideways(page)
    })

    it('says its verdict to readers without scripts', async () => {
      const { page } = await open(await urlOf(sampleResult({ arms: ['naive'] })), {
        javaScriptEnabled: false,
      })
      const text = await page.locator('body').innerText()
      expect(text).toContain('The hypothesis holds: all 2 checks passed')
      expect(text).toMatch(/Log, consumer as published: 2,250 sent · 0 turned away · \d+ lost/)
    })
  },
)
