export interface OutageInputs {
  readonly requestsPerSecond: number
  /** What one request is worth, in dollars. */
  readonly valuePerRequest: number
  readonly outageSeconds: number
  /** Of the requests during the outage, 0 to 1. */
  readonly refusedShare: number
  readonly outagesPerYear: number
}

export interface OutageCost {
  readonly refusedRequests: number
  readonly perOutage: number
  readonly perYear: number
}

/** What is turned away, times what it is worth. Nothing else: `notCounted` says what is missing. */
export function outageCost(inputs: OutageInputs): OutageCost {
  const refusedRequests = inputs.requestsPerSecond * inputs.outageSeconds * inputs.refusedShare
  const perOutage = refusedRequests * inputs.valuePerRequest
  return { refusedRequests, perOutage, perYear: perOutage * inputs.outagesPerYear }
}

/** The published example: 1,000/s at one cent, five minutes, half of them refused, once a month. */
export const publishedOutage: OutageInputs = {
  requestsPerSecond: 1_000,
  valuePerRequest: 0.01,
  outageSeconds: 300,
  refusedShare: 0.5,
  outagesPerYear: 12,
}

export const notCounted: readonly string[] = [
  'events that were answered with success and lost all the same: nobody notices them in an error rate',
  'requests that customers send again by themselves, which makes the real loss smaller',
  'customers who do not come back, and what was promised to them in a contract',
  'the hours of those who repair, reconcile and explain',
  'what the alternative costs to run: machines, people, the time to build it',
]
