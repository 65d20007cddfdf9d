import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Result } from '../contract/result.ts'
import { pageBundle } from './page-bundle.ts'
import { reportData } from './report-data.ts'
import { reportPage } from './report-page.ts'

/** Writes the report of one run as a single HTML file that needs no network, of at most 420 KB. Overwrites. */
export async function writeReport(result: Result, file: string): Promise<void> {
  const html = reportPage(reportData(result), await pageBundle('report'))
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
  writeFileSync(file, html)
}
