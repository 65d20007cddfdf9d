import { timingSafeEqual } from 'node:crypto'
import { HoldfastError, sha256 } from '../event/index.ts'
import { isAccessRole, type AccessRole, type Actor } from './operations/operation.ts'

/** Somebody who may use the admin side. */
export interface AccessToken {
  /** Who that is, in the audit trail. */
  readonly name: string
  readonly role: AccessRole
  /** At least 16 characters. */
  readonly token: string
}

/** Answers who asks; undefined for somebody who is nobody. */
export type Authenticate = (authorization: string | undefined) => Actor | undefined

/**
 * Without tokens everybody who reaches the admin side may do everything, and its server sees to it that only this
 * machine does. With tokens everybody needs one, on this machine too: behind a proxy all come from here.
 */
export function authenticator(tokens: readonly AccessToken[]): Authenticate {
  for (const { name, role, token } of tokens) {
    if (!/^[\w.@-]{1,100}$/.test(name)) throw invalid(`a name must be of the characters a-z A-Z 0-9 _ . @ -`)
    if (!isAccessRole(role)) throw invalid(`the role of ${name} must be viewer, operator or admin`)
    if (token.length < MIN_TOKEN)
      throw invalid(`the token of ${name} must have ${MIN_TOKEN} characters or more`)
  }
  if (tokens.length === 0) return () => everybody
  const known = tokens.map(({ name, role, token }) => ({ actor: { name, role }, hash: sha256(token) }))
  return authorization => {
    const given = sha256(tokenOf(authorization) ?? '')
    // Hashes of one length, all of them compared: the time says neither whose token nor how much of it is right.
    const [found] = known.filter(({ hash }) => timingSafeEqual(hash, given))
    return found?.actor
  }
}

const MIN_TOKEN = 16
const everybody: Actor = { name: 'loopback', role: 'admin' }

/** `Bearer TOKEN`, or the password of `Basic`, which is how a browser can show a page. */
function tokenOf(authorization: string | undefined): string | undefined {
  const [, scheme, value = ''] = /^(bearer|basic) +(\S+)$/i.exec(authorization ?? '') ?? []
  if (scheme?.toLowerCase() !== 'basic') return scheme && value
  const decoded = Buffer.from(value, 'base64').toString()
  return decoded.slice(decoded.indexOf(':') + 1)
}

/** Tokens as `HOLDFAST_ADMIN_TOKENS` has them: `name:role:token`, several with commas between. */
export function tokensFrom(text: string | undefined): readonly AccessToken[] {
  const entries = (text ?? '').split(',').filter(entry => entry.trim() !== '')
  return entries.map(entry => {
    const [, name = '', role = '', token = ''] = /^([^:]+):([^:]+):(.+)$/.exec(entry.trim()) ?? []
    // What was given is not repeated: it may hold a token.
    if (!isAccessRole(role)) throw invalid('HOLDFAST_ADMIN_TOKENS must be name:viewer|operator|admin:token')
    return { name, role, token }
  })
}

function invalid(detail: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { detail: `admin tokens: ${detail}` })
}
