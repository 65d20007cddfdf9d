import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { findHazardTests } from '../scripts/hazards/find-tests.ts'
import { hazardsPage } from '../scripts/hazards/page.ts'
import { hazardRows } from '../scripts/hazards/rows.ts'

const root = new URL('..', import.meta.url)
const tests = findHazardTests(fileURLToPath(root))

describe('the hazards', () => {
  test.each(hazardRows.filter(({ tested }) => tested).map(({ row, hazard }) => [row, hazard]))(
    'row %s has a test: %s',
    row => {
      expect(tests.filter(test => test.row === row)).not.toEqual([])
    },
  )

  test('every row that a test names is in the table', () => {
    const known = new Set(hazardRows.map(({ row }) => row))
    expect(tests.filter(({ row }) => !known.has(row))).toEqual([])
  })

  test('docs/hazards.md is what the table and the tests say (npm run docs)', () => {
    expect(readFileSync(new URL('docs/hazards.md', root), 'utf8')).toBe(hazardsPage(tests))
  })
})
