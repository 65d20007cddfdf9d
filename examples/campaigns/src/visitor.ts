import type { Visitor } from './enrich.ts'

/** Who an event is about: as a server says that passes it on, else as the collector saw the request. */
export function visitorOf(event: {
  readonly data: {
    readonly visitor?: { userAgent?: string | undefined; address?: string | undefined } | undefined
  }
  readonly extensions: Readonly<Record<string, string>>
}): Visitor {
  const { visitor } = event.data
  return {
    userAgent: visitor?.userAgent ?? event.extensions['useragent'],
    address: visitor?.address ?? event.extensions['clientaddress'],
  }
}
