import { outOfReach } from '../../log/index.ts'
import { object, rows, text, type Shape } from './shape.ts'

/** What a list is without, because it cannot be looked at: of a log that is shared, not all is everybody's to see. */
export interface Unseen {
  /** `topic orders`. */
  readonly what: string
  readonly why: string
}

export const unseenShape: Shape<readonly Unseen[]> = rows(
  object<Unseen>({
    what: text('a topic or group that is not in the answer'),
    why: text('what the log says', { max: 10_000 }),
  }),
)

/** Looks at one of many. Undefined for what is out of reach, which is noted once. */
export async function lookAt<T>(
  what: string,
  unseen: Map<string, Unseen>,
  look: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    const why = outOfReach(error)
    if (why === undefined) throw error
    unseen.set(what, { what, why })
    return undefined
  }
}

/** For people; none when nothing is missing. */
export function unseenNotes(unseen: readonly Unseen[]): string[] {
  if (unseen.length === 0) return []
  const told = unseen.slice(0, MAX_TOLD).map(({ what, why }) => `  ${what}: ${why}`)
  const more = unseen.length > MAX_TOLD ? [`  and ${unseen.length - MAX_TOLD} more: -o json`] : []
  return [`not shown, as ${unseen.length} could not be looked at:`, ...told, ...more]
}

const MAX_TOLD = 5
