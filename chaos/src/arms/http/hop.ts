import { RequestFailed, type Failure } from './failure.ts'

/** Asks the next service of a chain. Rejects with what is known of its work when it did not succeed. */
export type Hop = (body: unknown, headers?: Readonly<Record<string, string>>) => Promise<void>

/** `fetch` keeps its connections; the time-out is for the whole answer. */
export function hopTo(url: string, timeoutMs: number): Hop {
  return async (body, headers) => {
    let answer: Response
    let text: string
    try {
      answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      })
      text = await answer.text()
    } catch (error) {
      throw new RequestFailed(failureOf(error), `no answer from ${url}`, { cause: error })
    }
    if (answer.ok) return
    const failure: Failure =
      answer.status === 422 ? 'invalid' : /"not_stored"/.test(text) ? 'not_stored' : 'unknown'
    throw new RequestFailed(failure, `${url} answered ${answer.status}`)
  }
}

/** Where nobody listened, nothing was done; after any other silence it may have been. */
function failureOf(error: unknown): Failure {
  const { cause } = error as { cause?: { code?: string } }
  return cause?.code === 'ECONNREFUSED' ? 'not_stored' : 'unknown'
}
