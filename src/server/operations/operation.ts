import type { Spool } from '../../collect/index.ts'
import type { Clock, Random } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import type { Sink } from '../../sink/index.ts'
import type { App } from '../app.ts'
import type { Declared } from '../declared.ts'
import type { GroupProgress } from '../group-progress.ts'
import type { Shape } from './shape.ts'

/**
 * One thing that an operator can ask for or do, as a value. From the table of them (`table.ts`) come the calls in code,
 * the HTTP routes with their OpenAPI document, and the commands, whether they ask a running process or the log itself.
 */
export interface Operation<In extends object, Out extends object> {
  /** `group.pause`: its route is `/api/v1/group/pause`. */
  readonly name: `${string}.${string}`
  /** What it does, as a sentence without a dot at its end. */
  readonly summary: string
  /** The least role that may run it. */
  readonly role: AccessRole
  /**
   * `none` reads. `change` is done at once and written to the audit trail. `decision` loses, re-reads or republishes
   * data: it only says what it would do unless told to `execute`, which needs a reason, and is written there too.
   */
  readonly effect: 'none' | 'change' | 'decision'
  /** Of a look: after so long it is given up, in milliseconds. Undefined for one that may read for as long as it is let. */
  readonly withinMs?: number | undefined
  readonly input: Shape<In>
  /** Answers are plain JSON: offsets as digits, times as milliseconds since 1970. */
  readonly output: Shape<Out>
  /** Heeds `context.execute` when it is a decision. The input has passed its shape. */
  run(context: OperationContext, input: In): Promise<Out>
}

/** For those that people and dashboards look with: a log that is slow is told of, and not waited for. */
export const LOOK_WITHIN_MS = 30_000

// A table of operations holds inputs of all kinds; each is only ever run with what its own shape has read.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyOperation = Operation<any, object>

/** Where an operation is reached. */
export function pathOf({ name }: Pick<AnyOperation, 'name'>): string {
  return `/api/v1/${name.replace('.', '/')}`
}

const accessRoles = ['viewer', 'operator', 'admin'] as const
/** What somebody may do: look; act on groups, letters and breakers; also make and delete. Each may do what those before it may. */
export type AccessRole = (typeof accessRoles)[number]

export function mayRun(role: AccessRole, needed: AccessRole): boolean {
  return accessRoles.indexOf(role) >= accessRoles.indexOf(needed)
}

export function isAccessRole(text: string): text is AccessRole {
  return (accessRoles as readonly string[]).includes(text)
}

/** Who asks, as the audit trail writes it. */
export interface Actor {
  readonly name: string
  readonly role: AccessRole
}

/** Where operations run: in a running process, or in a command that has opened the log. */
export interface OperationHost {
  readonly system: LogSystem
  /** Undefined in a command: breakers, rates and handlers are only known where they run. */
  readonly app: App<boolean> | undefined
  /** What an app declares that does not run here: for a command that was given its module. */
  readonly declared?: Declared | undefined
  /** The database of the app. */
  readonly sink?: Sink | undefined
  /** How far the groups of the app were during the last minutes. */
  readonly progress?: GroupProgress | undefined
  /** Of the collector of the app, where its log is on other machines. */
  readonly spool?: Spool | undefined
  readonly clock: Clock
  readonly random: Random
}

export interface OperationContext extends OperationHost {
  readonly actor: Actor
  /** Whether a decision is to be carried out, not only previewed. Always false for one that reads. */
  readonly execute: boolean
  readonly reason: string | undefined
  readonly signal: AbortSignal
}

/** What the app declares, whether it runs here or not. */
export function declaredIn({ app, declared }: OperationHost): Declared | undefined {
  return app?.declared ?? declared
}

/** What goes with the input of an operation that is not one that reads. */
export interface Intent {
  readonly execute?: boolean | undefined
  readonly reason?: string | undefined
}

/** What is answered: the output, with the version of its shape, and whether a decision was carried out. */
export type Answer<Out> = Out & { readonly format: 1; readonly executed?: boolean }
