import type { HazardTest } from './find-tests.ts'
import { hazardRows } from './rows.ts'

/** docs/hazards.md: each hazard, its rule, and the tests that hold it. */
export function hazardsPage(tests: readonly HazardTest[]): string {
  const rows = hazardRows.map(({ row, hazard, rule }) => {
    const files = [...new Set(tests.filter(test => test.row === row).map(({ file }) => file))]
    const links = files.map(file => `[${file.replace(/^.*\//, '')}](../${file})`)
    return `| ${row} | ${hazard} | ${rule} | ${links.join('<br>') || 'none yet'} |`
  })
  return [
    '# Hazards',
    '',
    'How systems like this one lose, double, reorder or falsify events, the rule that keeps Holdfast from it, and the',
    'tests that hold the rule. A test names its row: `hazard 15: …`. `npm run hazards` adds the last result of each test',
    'on this machine and what it saw of the fault that it caused. This page is written by `npm run docs`.',
    '',
    '| row | hazard | rule | tests |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}
