import { readFileSync } from 'node:fs'
import { HoldfastError } from 'holdfast'
import { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import type { Scenario, ScenarioArm } from '../contract/scenario.ts'
import { fileSchema, type ScenarioFile } from './file-schema.ts'
import { checkScenario, type Known } from './check-scenario.ts'

/**
 * The scenario of a YAML file. Throws `CONFIG_INVALID` with everything that is wrong: line, path, what was found and
 * what is allowed.
 */
export function readScenario(file: string, known: Known): Scenario {
  return parseScenario(readFileSync(file, 'utf8'), file, known)
}

export function parseScenario(text: string, file: string, known: Known): Scenario {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw invalid(
      file,
      document.errors.map(({ message, pos }) => `${placeOf(lines, pos[0])} ${message}`),
    )
  }
  const parsed = fileSchema.safeParse(document.toJS())
  if (!parsed.success) {
    throw invalid(
      file,
      parsed.error.issues.flatMap(leaves).map(issue => describe(issue, document, lines)),
    )
  }
  const scenario = scenarioOf(parsed.data)
  const problems = checkScenario(scenario, known)
  if (problems.length > 0) {
    throw invalid(
      file,
      problems.map(({ path, problem }) => `${lineOf(path, document, lines)} ${pathText(path)}: ${problem}`),
    )
  }
  return scenario
}

function scenarioOf({ arms, load, drain, sinkRowsPerSecond, ...file }: ScenarioFile): Scenario {
  const { timeout, phases, ...plan } = load
  return {
    ...file,
    arms: arms.map(armOf),
    load: {
      ...plan,
      phases: phases.map(({ name, for: seconds, rate }) => ({ name, seconds, rate })),
      timeoutMs: timeout * 1000,
    },
    drainSeconds: drain,
    ...(sinkRowsPerSecond !== undefined && { sinkRowsPerSecond }),
  }
}

function armOf(given: ScenarioFile['arms'][number]): ScenarioArm {
  const { arm, as = arm, flags = [] } = typeof given === 'string' ? { arm: given } : given
  return { arm, as, flags }
}

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** What is inside a union is of more use than that none of it fitted. */
function leaves(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const best = issue.errors.toSorted((a, b) => depth(b) - depth(a))[0] ?? []
  if (depth(best) === 0) return [issue]
  return best.flatMap(inner => leaves({ ...inner, path: [...issue.path, ...inner.path] }))
}

function depth(issues: readonly Issue[]): number {
  return Math.max(0, ...issues.map(({ path }) => path.length))
}

function describe(issue: Issue, document: Document, lines: LineCounter): string {
  const place = `${lineOf(issue.path, document, lines)} ${pathText(issue.path)}`
  if (issue.code === 'unrecognized_keys') return `${place}: ${issue.keys.join(', ')} is not a setting here`
  const value: unknown = document.getIn(issue.path)
  const found = isMap(value) || isSeq(value) ? 'something else' : JSON.stringify(value)
  const allowed =
    issue.code === 'invalid_value'
      ? issue.values.map(String).join(', ')
      : issue.message.replace(/^Invalid input: /, '')
  return value === undefined
    ? `${place}: is missing; allowed: ${allowed}`
    : `${place}: found ${found}; allowed: ${allowed}`
}

/** The line of the deepest part of a path that is in the file. */
function lineOf(path: Path, document: Document, lines: LineCounter): string {
  for (let length = path.length; length > 0; length--) {
    const at = path.slice(0, length)
    const parent: unknown = document.getIn(at.slice(0, -1), true)
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === at.at(-1))
      : undefined
    const node: unknown = isPair(pair) ? pair.key : document.getIn(at, true)
    const range = (node as { range?: readonly [number, number, number] } | undefined)?.range
    if (range) return placeOf(lines, range[0])
  }
  return placeOf(lines, 0)
}

function placeOf(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `line ${Math.max(1, line)}:${Math.max(1, col)}`
}

function pathText(path: Path): string {
  return (
    path
      .map(part => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
      .join('')
      .replace(/^\./, '') || 'the file'
  )
}

function invalid(file: string, problems: readonly string[]): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', {
    detail: `${file}: ${problems.join('; ')}`,
    facts: { problems },
  })
}
