/** A path that is served: what stands in braces is one segment. */
export interface Route<H> {
  readonly pattern: string
  readonly methods: Readonly<Record<string, H>>
}

export type Match<H> =
  | {
      readonly kind: 'found'
      readonly pattern: string
      readonly handler: H
      readonly params: readonly string[]
    }
  | { readonly kind: 'wrong-method'; readonly pattern: string; readonly allow: readonly string[] }
  | { readonly kind: 'none' }

/** Exact matching of a handful of paths. A path with a slash at the end is another path: nothing is redirected. */
export function router<H>(routes: readonly Route<H>[]): (method: string, path: string) => Match<H> {
  const fixed = new Map<string, Route<H>>()
  const open: { readonly route: Route<H>; readonly expression: RegExp }[] = []
  for (const route of routes) {
    if (!route.pattern.includes('{')) fixed.set(route.pattern, route)
    else open.push({ route, expression: new RegExp(`^${route.pattern.replaceAll(/\{\w+\}/g, '([^/]+)')}$`) })
  }
  const find = (
    path: string,
  ): { readonly route: Route<H>; readonly params: readonly string[] } | undefined => {
    const route = fixed.get(path)
    if (route) return { route, params: [] }
    for (const { route, expression } of open) {
      const params = expression.exec(path)?.slice(1).map(decode)
      if (params?.every(param => param !== undefined)) return { route, params }
    }
    return undefined
  }
  return (method, path) => {
    const found = find(path)
    if (!found) return { kind: 'none' }
    const { pattern, methods } = found.route
    const handler = Object.hasOwn(methods, method) ? methods[method] : undefined
    return handler === undefined
      ? { kind: 'wrong-method', pattern, allow: [...Object.keys(methods), 'OPTIONS'] }
      : { kind: 'found', pattern, handler, params: found.params }
  }
}

/** Undefined for a broken percent sequence: such a path names nothing. */
function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
