/** What the collector tells whoever counts. Labels come from bounded sets: routes, declared topics and types, codes. */
export interface CollectObserver {
  /** A request was answered. `route` is the pattern, not the path; `other` when none fits. */
  answered?(facts: { readonly route: string; readonly status: number; readonly seconds: number }): void
  /** Events are durable in the log; duplicates are not among them. `seconds` is how long the append took. */
  published?(facts: { readonly topic: string; readonly count: number; readonly seconds: number }): void
  /** An append was refused or failed. `reason` is the code of the problem answered. */
  publishFailed?(facts: { readonly topic: string; readonly reason: string; readonly count: number }): void
  /** Events are durable in the spool, and were answered so. `seconds` is how long they waited for that. */
  spooled?(facts: { readonly topic: string; readonly count: number; readonly seconds: number }): void
  /** Events of the spool are durable in the log. */
  drained?(facts: { readonly topic: string; readonly count: number }): void
  /** An event did not pass a check of its topic. `reason` is the code of the problem answered. */
  rejected?(facts: { readonly topic: string; readonly type: string; readonly reason: string }): void
}
