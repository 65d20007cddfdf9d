import { setTimeout as sleep } from 'node:timers/promises'
import { sampleEvent } from './sample-events.ts'

export interface SampleTrafficOptions {
  /** Where events go: `http://127.0.0.1:4300/api/collect`. */
  readonly url: string
  readonly key: string
  readonly perSecond: number
  readonly signal: AbortSignal
}

/**
 * Light traffic over HTTP until `signal` aborts, as any sender would make it. A refused event is simply gone: nobody
 * needs sample events, and the metrics of the collector show what it refused.
 */
export async function sendSampleTraffic({
  url,
  key,
  perSecond,
  signal,
}: SampleTrafficOptions): Promise<void> {
  let due = performance.now()
  while (!signal.aborted) {
    void fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: JSON.stringify(sampleEvent(Math.random)),
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    }).then(
      response => response.arrayBuffer(),
      () => {}, // stopping, or the collector cannot be reached: see above
    )
    // By a schedule and not by the answer, so that a slow collector does not make the traffic lighter. What a
    // machine that was asleep missed is left out.
    due = Math.max(due + 1_000 / perSecond, performance.now() - 1_000)
    await sleep(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => {})
  }
}
