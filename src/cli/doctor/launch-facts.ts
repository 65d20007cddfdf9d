import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Drill } from './launch.ts'

/** Topics that have a file in `folder`, where `holdfast schema check` keeps its snapshots. */
export function snapshotsIn(folder: string): Set<string> {
  return new Set(
    namesIn(folder)
      .filter(name => name.endsWith('.json'))
      .map(name => name.slice(0, -'.json'.length)),
  )
}

/** The newest experiment below `folder` that was not interrupted. What is no result is passed over. */
export function newestDrill(folder: string): Drill | undefined {
  return namesIn(folder)
    .toSorted()
    .toReversed()
    .map(name => drillOf(path.join(folder, name, 'result.json')))
    .find(drill => drill !== undefined)
}

function drillOf(file: string): Drill | undefined {
  try {
    const { kind, id, partial, checks } = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly kind?: string
      readonly id: string
      readonly partial: boolean
      readonly checks: readonly { readonly passed: boolean }[]
    }
    if (kind !== 'holdfast-experiment' || partial) return undefined
    return { id, checks: checks.length, passed: checks.filter(({ passed }) => passed).length }
  } catch {
    return undefined
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
