import type { Inbound } from './exchange.ts'
import type { Key, KeyRing } from './keys.ts'
import { RequestRefused } from './problems.ts'

/**
 * The key of a request, from `Authorization: Bearer`, `X-Api-Key`, or `?key=` for publishable ones. Refuses with
 * `key_missing`, `key_unknown`, or `origin_forbidden`.
 */
export function keyOf(inbound: Inbound, query: string, keys: KeyRing): Key {
  const presented = presentedKey(inbound, query)
  if (presented === undefined) throw unauthorized('key_missing', 'neither a header nor the query names a key')
  const key = keys.find(presented)
  // A key that anybody can read in the documentation is one only where nobody else can reach it: neither from another
  // machine, nor through a page whose name was made to point at this one.
  if (!key || (key.plain && !(inbound.local && isLoopbackName(hostName(inbound)))))
    throw unauthorized('key_unknown', 'no key of this collector is the one that was sent')
  const origin = inbound.header('origin')
  if (origin !== undefined && !key.allows(origin)) {
    throw new RequestRefused({
      code: 'origin_forbidden',
      detail: `the origins of key ${key.name} do not name ${origin}`,
    })
  }
  return key
}

/** Whether an address or host name can only mean the machine itself. */
export function isLoopbackName(host: string): boolean {
  const name = host.toLowerCase().replace(/^::ffff:/, '')
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    /^127(?:\.\d{1,3}){3}$/.test(name)
  )
}

function presentedKey(inbound: Inbound, query: string): string | undefined {
  const bearer = /^bearer +(\S+)$/i.exec(inbound.header('authorization') ?? '')?.[1]
  const byHeader = bearer ?? inbound.header('x-api-key')
  if (byHeader !== undefined) return byHeader
  const byQuery = new URLSearchParams(query).get('key') ?? undefined
  // Addresses end up in logs and histories: no place for a secret.
  if (byQuery !== undefined && !byQuery.startsWith('pk_'))
    throw unauthorized('key_unknown', 'only publishable keys (pk_…) may stand in the URL')
  return byQuery
}

/** The name in the Host header, without port and brackets. */
function hostName(inbound: Inbound): string {
  const host = inbound.header('host') ?? ''
  return /^\[(.+)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '')
}

function unauthorized(code: 'key_missing' | 'key_unknown', detail: string): RequestRefused {
  return new RequestRefused({ code, detail }, { 'www-authenticate': 'Bearer' })
}
