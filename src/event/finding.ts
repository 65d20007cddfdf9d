/** What one check of `holdfast doctor` found. */
export interface Finding {
  /** What was looked at: `node`, `data folder`, `postgres settings`. */
  readonly check: string
  /** `fail`: Holdfast cannot work there, or cannot keep its promises. `warn`: it can, and it will hurt some day. */
  readonly status: 'ok' | 'warn' | 'fail'
  readonly found: string
  /** What to do; with every `warn` and `fail`. */
  readonly advice?: string | undefined
}
