import type { Evidence } from 'holdfast/testing'

/**
 * One way to build the same system. The runner starts an arm, sends it the load, lets the fault happen to it, waits
 * until it says that nothing is under way any more, and audits what it left in the database. An arm knows neither the
 * schedule nor the fault.
 */
export interface Arm {
  /** Unique, as in `--arms rest,holdfast` and in result.json. */
  readonly name: string
  /** A few words, for the column of a table. */
  readonly title: string
  /** One or two sentences: what it is and which published pattern it follows. */
  readonly description: string
  /** Switches and what each of them does, such as the mistakes of the naive consumer. Empty for most. */
  readonly flags: Readonly<Record<string, string>>
  /** Dependencies without which it cannot start, such as `mail`. Others it uses where the scenario faults them. */
  readonly needs: readonly string[]
  /** Makes the tables, starts the processes, and resolves when the first request would be served. */
  start(stage: Stage): Promise<RunningArm>
}

/** What the runner gives an arm. */
export interface Stage {
  /** A database of its own on the server that will be faulted. */
  readonly databaseUrl: string
  /** An empty folder of its own: logs, data. */
  readonly folder: string
  /** Those of `Arm.flags` that are on. */
  readonly flags: ReadonlySet<string>
  /** Addresses of dependencies beside the database: those in `Arm.needs`, and those that the scenario faults. */
  readonly dependencies: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

export interface RunningArm {
  readonly target: Target
  /** The processes by name (`collector`, `consumer`, `enrichment`): a fault names the one that it hits. */
  readonly services: ReadonlyMap<string, Service>
  /**
   * The table, with its schema, that gets one row for each applied event. The runner counts its rows once a second and,
   * where a scenario limits the sink, slows the inserts by a trigger on it.
   */
  readonly table: string
  /** Asked once a second. What cannot be read at the moment is left out; it never waits longer than a second. */
  sample(): Promise<ArmSample>
  /** True when nothing accepted is still on its way to a row, as far as the arm itself can know. */
  isDrained(): Promise<boolean>
  /** What it left behind, read from the database and the log after the load, with the fault over. */
  evidence(): Promise<Evidence>
  /** Ends every process. Idempotent, also after a fault killed some of them. */
  stop(): Promise<void>
}

/**
 * Where the load goes. Templates may hold `{id}`, `{key}` (`k0`, `k1`, …), `{n}` and, in the body, `{data}`.
 *
 * What an answer proves: 2xx accepted; 3xx and 4xx refused; 503 with `not_stored` in its body, and a refused connection,
 * refused for certain; everything else unanswered, because the event may be stored or not.
 */
export interface Target {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The payload. The ledger keeps the SHA-256 of its bytes in hex, and `Evidence.rows` is compared with that. */
  readonly data: string
  /** The payload of an event that is taken in and cannot be handled. Absent: a scenario with poison refuses this arm. */
  readonly poison?: string
  /** Sends of one event at most; 1 = what is refused stays refused. */
  readonly attempts: number
}

/** A process of an arm that a fault may hit. */
export interface Service {
  readonly name: string
  /** Undefined while it is not running. */
  readonly pid: number | undefined
  /** SIGKILL; resolves with what was seen of its end. */
  kill(): Promise<string>
  /** SIGSTOP; resolves when the kernel shows it stopped. */
  freeze(): Promise<string>
  thaw(): Promise<string>
  /** Starts it again after `kill`, on the same port and data. */
  restart(): Promise<string>
  /** Every answer of it, or every event that it handles, takes so much longer; 0 ends that. Absent where it cannot. */
  slow?(ms: number): Promise<string>
}

/** Something else that arms need, such as a cache, as a process of its own. */
export interface Dependency extends Service {
  /** For `Stage.dependencies`. Of a Kafka: `host:port`. */
  readonly url: string
  stop(): Promise<void>
}

/** Starts one on any free port. `folder` is empty and its own. */
export type StartDependency = (of: {
  readonly folder: string
  readonly signal: AbortSignal
}) => Promise<Dependency>

/** Everything that an arm can tell of itself at one moment. */
export interface ArmSample {
  /** Events accepted and not yet done, of the group that writes the rows. */
  readonly lag?: number
  /** Age of the oldest of them, in seconds. */
  readonly lagSeconds?: number
  /** State of its breaker, if it has one. */
  readonly breaker?: 'CLOSED' | 'OPEN' | 'HALF_OPEN'
  readonly deadLetters?: number
  /** Events waiting for a retry. */
  readonly retrying?: number
}
