import { describe, expect, it } from 'vitest'
import { sampleResult } from '../../test/sample-result.ts'
import type { Result } from '../contract/result.ts'
import { MAX_DATA_BYTES, reportData } from './report-data.ts'

const size = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

describe('what a report carries', () => {
  it('is the whole result as long as it fits', () => {
    const result = sampleResult()
    expect(reportData(result)).toEqual({ result, secondsPerPoint: 1, leftOut: 0 })
  })

  it('fits after a run of four hours, and no peak is gone', () => {
    const result = sampleResult({ seconds: 14_400 })
    const { result: small, secondsPerPoint } = reportData(result)
    expect(size(result)).toBeGreaterThan(MAX_DATA_BYTES)
    expect(size(small)).toBeLessThanOrEqual(MAX_DATA_BYTES)
    expect(secondsPerPoint).toBeGreaterThan(1)
    const peak = ({ arms }: Result): (number | null)[] =>
      arms.map(arm => Math.max(...arm.series.lag.map(Number)))
    expect(peak(small)).toEqual(peak(result))
    expect(small.arms.map(arm => arm.counts)).toEqual(result.arms.map(arm => arm.counts))
  })

  it('tells apart two arms that are the same system', () => {
    const { arms } = sampleResult({ arms: ['naive', 'naive', 'rest'] })
    const twice = arms.map((arm, index) => ({ ...arm, name: ['naive', 'naive-mended', 'rest'][index] ?? '' }))
    const { result } = reportData({ ...sampleResult(), arms: twice })
    expect(result.arms.map(({ title }) => title)).toEqual([
      'Log, consumer as published (naive)',
      'Log, consumer as published (naive-mended)',
      'REST, direct writer',
    ])
  })

  it('fits whatever is in its lists and texts, and says how much was left out', () => {
    const result = sampleResult()
    const flood = Array.from({ length: 20_000 }, (_, at) => ({
      at,
      kind: 'note' as const,
      text: 'x'.repeat(5_000),
    }))
    const arms = result.arms.map(arm => ({
      ...arm,
      timeline: flood,
      problems: flood.map(({ text }) => text),
    }))
    const data = reportData({ ...result, arms })
    expect(size(data)).toBeLessThanOrEqual(MAX_DATA_BYTES)
    expect(data.leftOut).toBeGreaterThan(100_000)
  })
})
