import type { CauseReport, LetterFilter } from '../../recover/index.ts'
import { groupsMeant, statusField } from './dlq-letters.ts'
import { lettersOf } from './letters-of.ts'
import type { Operation } from './operation.ts'
import { json, number, object, optional, rows, text, type Shape } from './shape.ts'

export interface DlqCausesInput {
  readonly group?: string | undefined
  readonly status?: LetterFilter['status']
}

export interface CauseRow extends Omit<CauseReport, 'id'> {
  readonly cause: string
  readonly group: string
}

export interface DlqCauses {
  readonly causes: readonly CauseRow[]
}

export const dlqCauses: Operation<DlqCausesInput, DlqCauses> = {
  name: 'dlq.causes',
  summary: 'what events died of: dead letters by error, message and place, most open ones first',
  role: 'viewer',
  effect: 'none',
  input: object<DlqCausesInput>({ group: optional(text('only of one group')), status: statusField }),
  output: object<DlqCauses>({
    causes: rows(
      object<CauseRow>({
        cause: text('fingerprint: what --cause takes'),
        group: text('that gave the events up'),
        error: text('why, with class or code of the error'),
        message: json('of the error, without what differs from event to event') as Shape<string>,
        place: json('where it was thrown; empty where nobody knows') as Shape<string>,
        letters: number('so many'),
        open: number('that are dead or being replayed'),
        byStatus: json('so many died, replaying, resolved, discarded') as Shape<CauseReport['byStatus']>,
        types: rows(text('of the events', { max: 100_000 })),
        firstSeen: number('milliseconds since 1970'),
        lastSeen: number('milliseconds since 1970'),
        sample: text('the letter that died of it last'),
      }),
    ),
  }),
  async run(context, { group, status }) {
    const groups = await groupsMeant(context, group)
    const causes: CauseRow[] = []
    for (const one of groups) {
      for (const { id, ...cause } of await lettersOf(context, one).causes({ status }))
        causes.push({ ...cause, cause: id, group: one })
    }
    return { causes: causes.toSorted((a, b) => b.open - a.open || b.lastSeen - a.lastSeen) }
  },
}
