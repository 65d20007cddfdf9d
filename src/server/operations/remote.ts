import { HoldfastError } from '../../event/index.ts'
import { pathOf, type Answer, type Intent, type Operation } from './operation.ts'
import { errorOf, type ProblemDetails } from './problem.ts'

export interface RemoteOptions {
  /** The admin side of a running process: `http://127.0.0.1:4310`. */
  readonly url: string
  readonly token?: string | undefined
  /** Who that is, for an admin side that has no tokens: it believes nobody, and writes it down as said. */
  readonly by: string
  readonly signal: AbortSignal
}

export const BY_HEADER = 'holdfast-by'

/** Runs an operation in another process, by its admin API. Rejects as the operation there does, or as `fetch` does. */
export async function performRemotely<In extends object, Out extends object>(
  { url, token, by, signal }: RemoteOptions,
  operation: Operation<In, Out>,
  input: In,
  intent: Intent,
): Promise<Answer<Out>> {
  if (!URL.canParse(url)) throw new HoldfastError('CONFIG_INVALID', { detail: `${url} is no URL` })
  const target = new URL(url.replace(/\/+$/, '') + pathOf(operation))
  const headers = new Headers({ accept: 'application/json', [BY_HEADER]: by })
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (operation.effect === 'none') addQuery(target, input)
  else headers.set('content-type', 'application/json')
  const body =
    operation.effect === 'none' ? {} : { method: 'POST', body: JSON.stringify({ ...input, ...intent }) }
  const response = await fetch(target, { ...body, headers, signal, redirect: 'error' })
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('application/problem+json')) throw errorOf((await response.json()) as ProblemDetails)
  if (response.ok && type.startsWith('application/json')) return (await response.json()) as Answer<Out>
  throw new HoldfastError('OPERATION_FAILED', {
    detail: `${target.origin} answered ${response.status}, not as an admin side that knows ${operation.name}`,
  })
}

function addQuery(target: URL, input: object): void {
  for (const [name, value] of Object.entries(input) as [string, unknown][]) {
    const values = Array.isArray(value) ? (value as unknown[]) : value === undefined ? [] : [value]
    for (const one of values)
      target.searchParams.append(name, typeof one === 'string' ? one : JSON.stringify(one))
  }
}
