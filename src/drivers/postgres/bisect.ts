/** How one try at a set of records ended. Anything but `done` has left no effect. */
export type Tried =
  | { readonly kind: 'done' }
  /** The work said itself which records are bad: at least one of those it was given. */
  | { readonly kind: 'marked'; readonly bad: ReadonlyMap<number, unknown> }
  /** An error of any one of them. */
  | { readonly kind: 'failed'; readonly error: unknown }

export type Found =
  { readonly kind: 'done' } | { readonly kind: 'failed'; readonly error: unknown } | { readonly kind: 'held' }

/**
 * Finds the records that cannot be done by halving, so that the others can: k bad ones among n cost about
 * 2·k·log2(n) tries. Records are indices in their order; a failed one holds back the later ones of its lane. `tryAll`
 * does a set or leaves no trace of it.
 */
export async function bisect(
  records: readonly number[],
  laneOf: (record: number) => string | undefined,
  tryAll: (records: readonly number[]) => Promise<Tried>,
): Promise<Map<number, Found>> {
  const found = new Map<number, Found>()
  const failedLanes = new Map<string, number>()
  const isHeld = (record: number): boolean => {
    const lane = laneOf(record)
    return lane !== undefined && (failedLanes.get(lane) ?? Infinity) < record
  }
  const fail = (record: number, error: unknown): void => {
    found.set(record, { kind: 'failed', error })
    const lane = laneOf(record)
    if (lane !== undefined) failedLanes.set(lane, Math.min(record, failedLanes.get(lane) ?? Infinity))
  }

  // Left half before right half, so that all failures before a record are known when its turn comes.
  async function solve(wanted: readonly number[]): Promise<void> {
    const records = wanted.filter(record => !found.has(record) && !isHeld(record))
    const [first] = records
    if (first === undefined) return
    const tried = await tryAll(records)
    switch (tried.kind) {
      case 'done':
        for (const record of records) found.set(record, tried)
        return
      case 'marked': {
        for (const record of records) {
          if (tried.bad.has(record) && !isHeld(record)) fail(record, tried.bad.get(record))
        }
        return solve(records)
      }
      case 'failed': {
        if (records.length === 1) return fail(first, tried.error)
        const middle = records.length >> 1
        await solve(records.slice(0, middle))
        return solve(records.slice(middle))
      }
    }
  }

  await solve(records)
  for (const record of records) if (!found.has(record)) found.set(record, { kind: 'held' })
  return found
}
