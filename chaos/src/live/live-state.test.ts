import { describe, expect, it } from 'vitest'
import { sampleProgress } from '../../test/sample-progress.ts'
import { sampleResult } from '../../test/sample-result.ts'
import type { Progress } from '../contract/progress.ts'
import { afterProgress, beforeItBegan, standingOf, type LiveState } from './live-state.ts'

const result = { ...sampleResult({ arms: ['rest', 'holdfast'] }), mode: 'side-by-side' as const }
const all = sampleProgress(result)
const after = (progress: readonly Progress[]): LiveState => progress.reduce(afterProgress, beforeItBegan)
const upTo = (at: number): LiveState =>
  after(all.slice(0, all.findLastIndex(told => told.kind === 'second' && told.second.at === at) + 1))

describe('the state of the live page', () => {
  it('counts what each arm has told, up to the last second', () => {
    const { arms } = upTo(29)
    expect(arms.map(arm => arm.seconds.length)).toEqual([30, 30])
    expect(arms.map(arm => arm.seconds.at(-1)?.accepted)).toEqual([750, 1_500])
    expect(
      arms.map(arm => (arm.seconds.at(-1)?.refused ?? 0) + (arm.seconds.at(-1)?.unanswered ?? 0)),
    ).toEqual([750, 0])
  })

  it('says in one sentence where the run is', () => {
    expect(standingOf(beforeItBegan)).toBe('Nothing has begun yet')
    expect(standingOf(after(all.slice(0, 2)))).toBe('Starting: REST, direct writer')
    expect(standingOf(upTo(3))).toBe('Under load: all arms (before)')
    expect(standingOf(upTo(20))).toBe('The fault is on: postgres kill began')
    expect(standingOf(upTo(40))).toBe('Under load: all arms (recovery)')
    expect(standingOf(upTo(49))).toBe('Working off what waits: Holdfast')
    expect(standingOf(after(all.slice(0, -1)))).toBe('Auditing every event by its id')
    expect(standingOf(after(all))).toBe('The hypothesis holds: all 7 checks passed')
  })

  it('keeps what the audit found, and not the whole result', () => {
    const { ended } = after(all)
    expect(ended?.arms.map(({ figures }) => figures.map(({ value }) => value))).toEqual([
      ['2,250', '750', '0'],
      ['2,250', '0', '0'],
    ])
    expect(JSON.stringify(ended).length).toBeLessThan(2_000)
  })

  it('stays small after hours, and keeps the newest second', () => {
    const long = sampleProgress(sampleResult({ seconds: 5_000, arms: ['holdfast'] }))
    const [arm] = after(long).arms
    expect(arm?.seconds.length).toBeGreaterThan(900)
    expect(arm?.seconds.length).toBeLessThanOrEqual(2_000)
    expect(arm?.seconds.at(-1)?.accepted).toBe(250_000)
    const events = Array.from({ length: 99 }, (_, at) => ({
      kind: 'event' as const,
      arm: 'holdfast',
      event: { at, kind: 'note' as const, text: 'again' },
    }))
    const { events: kept } = after([...long, ...events])
    expect([kept.length, kept.at(-1)?.event.at]).toEqual([40, 98])
  })
})
