/** What a label says when the set of its values is full, or the value is not one of them. */
export const OVERFLOW = '_other'

/**
 * Keeps a label that outsiders can influence to a bounded set of values: the first `max` different ones, and
 * {@link OVERFLOW} for the rest. Without it, a sender who invents values grows the process and the metrics store.
 */
export function boundedLabel(max: number, declared: readonly string[] = []): (value: string) => string {
  const seen = new Set(declared)
  return value => {
    if (seen.has(value)) return value
    if (seen.size >= max) return OVERFLOW
    seen.add(value)
    return value
  }
}
