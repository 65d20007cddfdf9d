import { HoldfastError } from 'holdfast'
import type { ArmResult, Result } from '../contract/result.ts'
import { figureGroups, type FigureOf } from './figures.ts'

export interface Comparison {
  /** Why figures of the two may differ without either being better, one sentence each. */
  readonly cautions: readonly string[]
  readonly arms: readonly ComparedArm[]
}

export interface ComparedArm {
  readonly name: string
  /** Set when the other run has no such arm; then there are no rows. */
  readonly onlyIn?: 'A' | 'B'
  readonly rows: readonly ComparedFigure[]
}

export interface ComparedFigure {
  readonly label: string
  /** As shown; `-` where that arm has no such figure. */
  readonly a: string
  readonly b: string
  /** `+12.5 %`, `gone`, `new`; empty when nothing changed. */
  readonly change: string
}

export interface CompareOptions {
  /** Compare runs of different scenarios all the same. Defaults to false. */
  readonly anyway?: boolean
}

/**
 * Two runs, arm by arm, with every figure of the report that is not 0 in both. Throws `CONFIG_INVALID` when they are of
 * different scenarios: their loads and faults differ, and so must their figures.
 */
export function compareResults(a: Result, b: Result, { anyway = false }: CompareOptions = {}): Comparison {
  if (!anyway && a.scenario.name !== b.scenario.name) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `${a.id} is a run of ${a.scenario.name} and ${b.id} one of ${b.scenario.name}; --anyway compares them all the same`,
    })
  }
  const names = [...new Set([...a.arms, ...b.arms].map(({ name }) => name))]
  return {
    cautions: cautionsOf(a, b),
    arms: names.map(name => comparedArm(name, find(a, name), find(b, name))),
  }
}

const find = ({ arms }: Result, name: string): ArmResult | undefined => arms.find(arm => arm.name === name)

function comparedArm(name: string, a: ArmResult | undefined, b: ArmResult | undefined): ComparedArm {
  if (a === undefined || b === undefined) return { name, onlyIn: a === undefined ? 'B' : 'A', rows: [] }
  const figures = figureGroups.flatMap(group => group.figures)
  return { name, rows: figures.flatMap(figure => comparedFigure(figure, a, b)) }
}

function comparedFigure({ label, read, show }: FigureOf, a: ArmResult, b: ArmResult): ComparedFigure[] {
  const [x, y] = [read(a), read(b)]
  if ((x ?? 0) === 0 && (y ?? 0) === 0) return []
  const text = (value: number | null): string => (value === null ? '-' : show(value))
  return [{ label, a: text(x), b: text(y), change: changeOf(x ?? 0, y ?? 0) }]
}

function changeOf(a: number, b: number): string {
  if (a === b) return ''
  if (a === 0) return 'new'
  if (b === 0) return 'gone'
  const percent = (b / a - 1) * 100
  const text = Math.abs(percent).toLocaleString('en-US', {
    maximumFractionDigits: Math.abs(percent) < 10 ? 1 : 0,
  })
  return `${percent < 0 ? '-' : '+'}${text} %`
}

function cautionsOf(a: Result, b: Result): string[] {
  const caution = (differs: boolean, text: string): string[] => (differs ? [text] : [])
  const machine = ({ environment: { cpu, cores } }: Result): string => `${cpu} ${cores}`
  const planned = ({ arms }: Result): string => arms.map(({ counts }) => counts.planned).join()
  return [
    ...caution(a.partial || b.partial, 'At least one was interrupted.'),
    ...caution(
      machine(a) !== machine(b),
      'They ran on different machines: latencies are not to be compared.',
    ),
    ...caution(a.mode !== b.mode, 'One ran its arms side by side, the other one after another.'),
    ...caution(
      planned(a) !== planned(b),
      'They did not plan the same number of events: compare shares, not counts.',
    ),
    ...caution(
      a.environment.postgres !== b.environment.postgres || a.environment.node !== b.environment.node,
      'They ran on different versions of Node or PostgreSQL.',
    ),
  ]
}
