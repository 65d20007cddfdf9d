/**
 * An experiment as it is declared before it runs: load, fault and what is expected of each arm. Built-in ones are
 * values of this type; `holdfast chaos run FILE` reads one from YAML, where durations are written as `45s` or `2m` under
 * `for`, `at`, `timeout` and `drain`; here they are seconds.
 */
export interface Scenario {
  readonly name: string
  readonly title: string
  /** One or two sentences, written before the run. */
  readonly hypothesis: string
  readonly arms: readonly ScenarioArm[]
  readonly load: LoadPlan
  readonly faults: readonly FaultPlan[]
  readonly checks: readonly CheckPlan[]
  /** How long an arm may take to drain after its load. Defaults to 120. */
  readonly drainSeconds: number
  /** The database takes no more rows a second than this, all the time. Absent: as many as it can. */
  readonly sinkRowsPerSecond?: number
  readonly mode: 'sequence' | 'side-by-side'
}

export interface ScenarioArm {
  readonly arm: string
  /** Another name in the result, where one arm runs twice with other flags. Defaults to `arm`. */
  readonly as: string
  readonly flags: readonly string[]
}

/** Phases follow each other; the rate is constant within one. */
export interface LoadPlan {
  readonly phases: readonly { readonly name: string; readonly seconds: number; readonly rate: number }[]
  readonly keys: number
  /** 0 takes the keys evenly; 1 is the classic Zipf. */
  readonly zipf: number
  /** A request without an answer for so long is given up by the client. */
  readonly timeoutMs: number
  /** Requests under way at once; an event due above it is not sent, and counts. */
  readonly maxInFlight: number
}

export type FaultPlan = { readonly at: number; readonly for: number } & (
  | { readonly target: 'postgres'; readonly fault: 'kill' | 'stop' | 'reset' | 'slow' | 'disk-full' }
  /** `slow`: two seconds longer for each answer. An arm without a service of this name is not hit by it. */
  | { readonly target: 'service'; readonly service: string; readonly fault: 'kill' | 'stop' | 'slow' }
  /** Another thing that the arm needs, such as a cache, is away or slow. */
  | { readonly target: 'dependency'; readonly dependency: string; readonly fault: 'kill' | 'slow' }
  /** One event in `every` cannot be handled. */
  | { readonly target: 'load'; readonly fault: 'poison'; readonly every: number }
)

/** `measure operator value` over the counts and figures of one arm, such as `lost == 0`. */
export interface CheckPlan {
  readonly arm: string
  readonly expression: string
  readonly because: string
}
