import type { ArmResult, FindingName, Result, TimelineEvent } from '../contract/result.ts'
import { coarser } from './coarser.ts'
import { distinctTitles } from './distinct-titles.ts'

/** What a report carries: the result, made small enough to be sent by mail. */
export interface ReportData {
  readonly result: Result
  /** Seconds that one point of a timeline stands for; 1 = nothing was summed up. */
  readonly secondsPerPoint: number
  /** Entries that were left out of lists, because there were too many. They are in events.ndjson. */
  readonly leftOut: number
}

export const MAX_DATA_BYTES: number = 300 * 1024

/** Widths that a reader can think in. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 21_600, 86_400]
const MAX_TEXT = 400
const MAX_LIST = [400, 100, 20, 5]

/**
 * Makes a result fit into `MAX_DATA_BYTES` as JSON: long texts are cut, long lists shortened, and the timelines summed up
 * over more and more seconds. Totals and percentiles of the whole run are never touched.
 */
export function reportData(result: Result): ReportData {
  for (const limit of MAX_LIST) {
    const shortened = shorten(result, limit)
    for (const secondsPerPoint of STEPS) {
      const data = {
        result: { ...shortened.result, arms: shortened.result.arms.map(arm => coarse(arm, secondsPerPoint)) },
        secondsPerPoint,
        leftOut: shortened.leftOut,
      }
      if (bytesOf(data) <= MAX_DATA_BYTES) return data
    }
  }
  throw new RangeError('a result with so many arms and checks does not fit into one report')
}

const bytesOf = (data: ReportData): number => Buffer.byteLength(JSON.stringify(data))

const coarse = (arm: ArmResult, seconds: number): ArmResult => ({
  ...arm,
  series: coarser(arm.series, seconds),
})

function shorten(result: Result, limit: number): { readonly result: Result; readonly leftOut: number } {
  let leftOut = 0
  const list = <T>(items: readonly T[], most = limit): T[] => {
    leftOut += Math.max(0, items.length - most)
    return items.slice(0, most)
  }
  const few = Math.min(limit, 20)
  const record = <T>(items: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(list(Object.entries(items), 50).map(([name, value]) => [cut(name), textOr(value)]))
  const arms = distinctTitles(result.arms).map((arm): ArmResult => ({
    ...arm,
    name: cut(arm.name),
    title: cut(arm.title),
    description: cut(arm.description),
    flags: record(arm.flags),
    answers: record(arm.answers),
    phases: list(arm.phases).map(phase => ({ ...phase, name: cut(phase.name) })),
    faults: list(arm.faults).map(fault => ({
      ...fault,
      name: cut(fault.name),
      observed: list(fault.observed, few).map(text => cut(text)),
    })),
    timeline: list(arm.timeline).map((event): TimelineEvent => ({ ...event, text: cut(event.text) })),
    examples: Object.fromEntries(
      Object.entries(arm.examples).map(([name, ids]) => [name, list(ids, few).map(text => cut(text))]),
    ) as Record<FindingName, string[]>,
    problems: list(arm.problems, few).map(text => cut(text)),
  }))
  const checks = list(result.checks).map(check => ({
    ...check,
    arm: cut(check.arm),
    expression: cut(check.expression),
    because: cut(check.because),
    actual: textOr(check.actual),
  }))
  const scenario = {
    name: cut(result.scenario.name),
    title: cut(result.scenario.title),
    hypothesis: cut(result.scenario.hypothesis, 2_000),
  }
  const limits = list(result.limits).map(text => cut(text))
  return {
    result: {
      ...result,
      id: cut(result.id),
      command: cut(result.command, 2_000),
      scenario,
      arms,
      checks,
      limits,
    },
    leftOut,
  }
}

function cut(text: string, most = MAX_TEXT): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

const textOr = <T>(value: T): T => (typeof value === 'string' ? (cut(value) as T) : value)
