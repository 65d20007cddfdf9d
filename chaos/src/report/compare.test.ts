import { expect, it } from 'vitest'
import { sampleResult } from '../../test/sample-result.ts'
import type { ArmResult, Result } from '../contract/result.ts'
import { compareResults } from './compare.ts'

const before = sampleResult({ arms: ['rest', 'holdfast'] })

function changed(change: (arm: ArmResult) => ArmResult): Result {
  return { ...before, id: 'after', arms: before.arms.map(change) }
}

const row = (b: Result, label: string, name = 'rest'): unknown =>
  compareResults(before, b)
    .arms.find(arm => arm.name === name)
    ?.rows.find(found => found.label === label)

it('says how much a figure has changed, and nothing where it has not', () => {
  const after = changed(arm => ({
    ...arm,
    counts: { ...arm.counts, refused: arm.counts.refused / 2, lost: 3 },
  }))
  expect(row(after, 'Refused')).toMatchObject({ change: '-50 %' })
  expect(row(after, 'Lost')).toEqual({ label: 'Lost', a: '0', b: '3', change: 'new' })
  expect(row(after, 'Sent')).toEqual({ label: 'Sent', a: '2,250', b: '2,250', change: '' })
})

it('leaves out what is 0 in both, and shows what only one has', () => {
  const after = changed(arm => ({ ...arm, firstSuccessAfterFault: null }))
  expect(row(after, 'Doubled')).toBeUndefined()
  expect(row(after, 'Time to first success')).toEqual({
    label: 'Time to first success',
    a: '1.4 s',
    b: '-',
    change: 'gone',
  })
})

it('names an arm that only one of them has', () => {
  const after = { ...before, arms: before.arms.slice(0, 1) }
  expect(compareResults(before, after).arms[1]).toEqual({ name: 'holdfast', onlyIn: 'A', rows: [] })
  expect(compareResults(after, before).arms[1]).toEqual({ name: 'holdfast', onlyIn: 'B', rows: [] })
})

it('refuses runs of different scenarios, unless told', () => {
  const other = { ...before, scenario: { ...before.scenario, name: 'burst' } }
  expect(() => compareResults(before, other)).toThrow(/rest-vs-log.*burst.*--anyway/)
  expect(compareResults(before, other, { anyway: true }).arms).toHaveLength(2)
})

it('warns of what makes figures differ by itself', () => {
  expect(compareResults(before, before).cautions).toEqual([])
  const { environment } = before
  const other: Result = {
    ...sampleResult({ arms: ['rest', 'holdfast'], seconds: 90 }),
    partial: true,
    mode: 'side-by-side',
    environment: { ...environment, cores: 64, node: '22.22.0' },
  }
  expect(compareResults(before, other).cautions).toHaveLength(5)
})
