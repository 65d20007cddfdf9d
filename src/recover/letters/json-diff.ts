import { isObject } from './json-edit.ts'

/** One difference, by its JSON pointer (RFC 6901); an empty one is the whole. */
export type Difference =
  | { readonly kind: 'added'; readonly path: string; readonly now: unknown }
  | { readonly kind: 'removed'; readonly path: string; readonly was: unknown }
  | { readonly kind: 'changed'; readonly path: string; readonly was: unknown; readonly now: unknown }

/** Differences that are told; more say nothing more. */
const MAX_DIFFERENCES = 500

/** Where two JSON values differ, field by field and element by element, in the order of their fields. */
export function jsonDiff(was: unknown, now: unknown): readonly Difference[] {
  const found: Difference[] = []
  compare(was, now, '', found)
  return found.slice(0, MAX_DIFFERENCES)
}

function compare(was: unknown, now: unknown, path: string, found: Difference[]): void {
  if (found.length >= MAX_DIFFERENCES || Object.is(was, now)) return
  const before = childrenOf(was)
  const after = childrenOf(now)
  if (!before || !after || Array.isArray(was) !== Array.isArray(now)) {
    found.push({ kind: 'changed', path, was, now })
    return
  }
  for (const [name, value] of before) {
    const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (after.has(name)) compare(value, after.get(name), at, found)
    else found.push({ kind: 'removed', path: at, was: value })
  }
  for (const [name, value] of after) {
    if (before.has(name)) continue
    const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    found.push({ kind: 'added', path: at, now: value })
  }
}

function childrenOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return Array.isArray(value) || isObject(value) ? new Map(Object.entries(value)) : undefined
}
