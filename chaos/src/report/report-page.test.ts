import { expect, it } from 'vitest'
import { sampleResult } from '../../test/sample-result.ts'
import { reportData } from './report-data.ts'
import { reportPage } from './report-page.ts'

const hostile = `</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> " ' & \u2028`

it('no text of a run becomes markup, wherever it stands', () => {
  const plain = sampleResult()
  const evil = JSON.parse(
    JSON.stringify(plain, (key, value: unknown) =>
      typeof value === 'string' && key !== 'kind' ? `${value}${hostile}` : value,
    ),
  ) as typeof plain
  const tags = (html: string): string[] => html.match(/<[!/a-z][^>\s]*/gi) ?? []
  const bundle = { script: 'run("</script>")', style: 'p{}' }
  const harmless = reportPage(reportData(plain), bundle)
  const attacked = reportPage(reportData(evil), bundle)
  expect(tags(harmless).length).toBeGreaterThan(15)
  expect(tags(attacked)).toEqual(tags(harmless))
  const data = /id="data">(.*?)<\/script>/s.exec(attacked)?.[1] ?? ''
  expect(JSON.parse(data)).toEqual(reportData(evil))
})

it('forbids every connection, and every script but its own', () => {
  const html = reportPage(reportData(sampleResult()), { script: 'run()', style: 'p{}' })
  expect(html).toMatch(
    /content="default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; base-uri 'none'/,
  )
})
