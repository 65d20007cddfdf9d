import { Chain, type Began, type Ended } from './audit-chain.ts'
import { trail } from './audit-trail.ts'
import { momentOf } from './moment.ts'
import type { AccessRole, Operation } from './operation.ts'
import { choice, json, moment, nullable, number, object, optional, rows, text, whole } from './shape.ts'

export interface AuditListInput {
  readonly since?: string | undefined
  readonly operation?: string | undefined
  readonly limit?: number | undefined
}

export interface AuditedAct {
  readonly id: string
  readonly at: number
  readonly operation: string
  readonly who: string
  readonly role: AccessRole
  readonly reason: string | null
  readonly input: unknown
  /** `unknown`: it was begun, and nothing says how it ended. */
  readonly outcome: 'done' | 'failed' | 'unknown'
  readonly error: string | null
}

export interface AuditList {
  readonly acts: readonly AuditedAct[]
}

const DEFAULT_LIMIT = 100

export const auditList: Operation<AuditListInput, AuditList> = {
  name: 'audit.list',
  summary: 'list what was changed: by whom, when, why, with which input, and what came of it; newest first',
  role: 'viewer',
  effect: 'none',
  input: object<AuditListInput>({
    since: optional(moment('from when on: ISO 8601, or 1d ago as -1d')),
    operation: optional(text('only of one operation, such as group.reset')),
    limit: optional(
      whole(`at most so many, the newest; ${DEFAULT_LIMIT} where nothing is said`, { min: 1, max: 10_000 }),
    ),
  }),
  output: object<AuditList>({
    acts: rows(
      object<AuditedAct>({
        id: text('the same in both of its records'),
        at: number('when it was begun'),
        operation: text('which operation'),
        who: text('who asked for it'),
        role: choice('with which role', ['viewer', 'operator', 'admin']),
        reason: nullable(text('why')),
        input: json('with which input'),
        outcome: choice('what came of it', ['done', 'failed', 'unknown']),
        error: nullable(text('of one that failed', { max: 10_000 })),
      }),
    ),
  }),
  async run({ system, clock, signal }, { since, operation, limit = DEFAULT_LIMIT }) {
    const from = since === undefined ? 0 : momentOf(since, clock.now())
    const acts = new Map<string, AuditedAct>()
    const chain = new Chain()
    for await (const record of trail(system.log, 0n, signal)) {
      const checked = chain.take(record)
      if (checked.kind !== 'counts') continue
      const { entry } = checked
      if (entry.kind === 'began') {
        if (entry.at < from || (operation !== undefined && entry.operation !== operation)) continue
        acts.set(entry.id, begun(entry))
        const [oldest = ''] = acts.keys()
        if (acts.size > limit) acts.delete(oldest)
      } else {
        const act = acts.get(entry.id)
        if (act) acts.set(entry.id, { ...act, ...outcomeOf(entry) })
      }
    }
    return { acts: [...acts.values()].toReversed() }
  },
}

function begun({ id, at, operation, who, reason, input }: Began): AuditedAct {
  return { id, at, operation, who: who.name, role: who.role, reason, input, outcome: 'unknown', error: null }
}

function outcomeOf({ outcome }: Ended): Pick<AuditedAct, 'outcome' | 'error'> {
  return { outcome: outcome.kind, error: outcome.kind === 'failed' ? outcome.error : null }
}
