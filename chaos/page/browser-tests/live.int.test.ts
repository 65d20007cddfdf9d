import { describe, expect, it, onTestFinished } from 'vitest'
import { sampleProgress } from '../../test/sample-progress.ts'
import { sampleResult } from '../../test/sample-result.ts'
import { startLivePage, type LivePage } from '../../src/live/start-live-page.ts'
import { expectAccessible, expectNoSideways, missingBrowser, testBrowser } from './browser.ts'

const result = { ...sampleResult({ arms: ['rest', 'holdfast'] }), mode: 'side-by-side' as const }
const all = sampleProgress(result)
const middle = all.findIndex(told => told.kind === 'second' && told.second.at === 20)

async function started(port = 0): Promise<LivePage> {
  const live = await startLivePage({ port })
  onTestFinished(() => live.close())
  return live
}

/** What the page asks of its own server. */
const own = (url: string): string[] => ['live.css', 'live.js', 'events'].map(path => `request: ${url}${path}`)

describe.skipIf(missingBrowser)(
  `the live page in a browser${missingBrowser ? `, not run: needs ${missingBrowser}` : ''}`,
  () => {
    const open = testBrowser()

    it('opened late, it shows what was, then what comes, then the verdict, without a reload', async () => {
      const live = await started()
      for (const progress of all.slice(0, middle)) live.publish(progress)
      const { page, noise } = await open(live.url)
      await page.getByRole('status').getByText('The fault is on').waitFor()
      await page.locator('.uplot canvas').first().waitFor()
      const rest = page.getByRole('article').first()
      expect(await rest.innerText()).toMatch(/750\s+accepted[\s·]+250\s+turned away/)
      for (const progress of all.slice(middle)) live.publish(progress)
      await page.getByRole('status').getByText('The hypothesis holds: all 7 checks passed').waitFor()
      expect(await rest.innerText()).toMatch(/2,250\s+sent[\s·]+750\s+turned away[\s·]+0\s+lost/)
      expect(noise).toEqual(own(live.url))
      await page.getByRole('link', { name: 'Open the report' }).click()
      await page.getByRole('heading', { name: 'The hypothesis holds' }).waitFor()
    })

    it('misses no state when the browser is slow to draw its first frame', async () => {
      const live = await started()
      for (const progress of all.slice(0, middle)) live.publish(progress)
      // Frames never come, and timers late: effects that wait for them run long after the first message.
      const slow = `requestAnimationFrame = () => 0
        const timer = setTimeout
        setTimeout = (run, ms, ...more) => timer(run, ms > 0 ? ms + 2000 : ms, ...more)`
      const { page } = await open(live.url, {}, slow)
      await page.getByRole('status').getByText('The fault is on').waitFor()
    })

    it('comes back by itself when its connection is lost, and says so meanwhile', async () => {
      const first = await started()
      first.publish(all[0] as (typeof all)[0])
      const { page } = await open(first.url)
      await page.getByRole('article').first().waitFor()
      await first.close()
      await page.getByText('The connection is lost').waitFor()
      const again = await started(Number(new URL(first.url).port))
      for (const progress of all.slice(0, middle)) again.publish(progress)
      await page.getByRole('status').getByText('The fault is on').waitFor()
      expect(await page.getByText('The connection is lost').count()).toBe(0)
    })

    it.each(['light', 'dark'] as const)(
      'passes axe in the %s theme, and fits 320 px',
      { timeout: 240_000 },
      async colorScheme => {
        const live = await started()
        for (const progress of all.slice(0, middle)) live.publish(progress)
        const { page } = await open(live.url, { colorScheme })
        await page.locator('.uplot canvas').first().waitFor()
        await expectAccessible(page, { contrast: true })
        await page.setViewportSize({ width: 320, height: 700 })
        await expectNoSideways(page)
        await expectAccessible(page, { contrast: false })
      },
    )

    it('shows its figures to readers without scripts', async () => {
      const live = await started()
      for (const progress of all.slice(0, middle)) live.publish(progress)
      const { page } = await open(live.url, { javaScriptEnabled: false })
      expect(await page.getByRole('row', { name: /^REST, direct writer/ }).innerText()).toMatch(
        /0:19\s+750\s+250/,
      )
    })
  },
)
