import type { Letter } from '../../recover/index.ts'
import { countShape, groupsMeant, type CountRow } from './dlq-letters.ts'
import { lettersOf } from './letters-of.ts'
import type { Operation } from './operation.ts'
import { nullable, number, object, optional, rows, text } from './shape.ts'

export interface GroupLetterStats extends Readonly<Record<Letter['status'], number>> {
  readonly group: string
  readonly open: number
  readonly oldestOpen: number | null
  readonly newest: number | null
  readonly byTopic: readonly CountRow[]
  readonly forgotten: number
}

export interface DlqStats {
  readonly groups: readonly GroupLetterStats[]
}

export const dlqStats: Operation<{ readonly group?: string | undefined }, DlqStats> = {
  name: 'dlq.stats',
  summary: 'how many dead letters each group has, by what has become of them',
  role: 'viewer',
  effect: 'none',
  input: object<{ readonly group?: string | undefined }>({ group: optional(text('only one group')) }),
  output: object<DlqStats>({
    groups: rows(
      object<GroupLetterStats>({
        group: text('its name'),
        open: number('dead, or being replayed'),
        died: number('dead'),
        replaying: number('being replayed'),
        resolved: number('replayed, and applied'),
        discarded: number('not to be tried again'),
        superseded: number('their range was reprocessed'),
        oldestOpen: nullable(number('when the oldest open one died, milliseconds since 1970')),
        newest: nullable(number('when the newest died, milliseconds since 1970')),
        byTopic: rows(countShape),
        forgotten: number('older ones that are in the log and not counted here'),
      }),
    ),
  }),
  async run(context, { group }) {
    const names = await groupsMeant(context, group)
    const groups: GroupLetterStats[] = []
    for (const name of names) {
      const { byStatus, oldestOpen, newest, ...stats } = await lettersOf(context, name).stats()
      groups.push({ ...stats, ...byStatus, oldestOpen: oldestOpen ?? null, newest: newest ?? null })
    }
    return { groups }
  },
}
