/**
 * Texts that are JSON and still do harm later: characters that databases refuse, member names that poison objects,
 * and ids that are the print of a bug.
 */

const BACKSLASH = 0x5c
const LETTER_U = 0x75

/**
 * The first escape in a JSON text (already accepted by `JSON.parse`) that PostgreSQL's `jsonb` refuses: `\u0000`, or
 * half a surrogate pair. Raw bytes cannot hold either: the text is valid UTF-8. Looks at the bytes and not at the
 * parsed value, because what is stored are the bytes, repeated names included.
 */
export function unstorableEscape(json: Uint8Array): 'nul' | 'lone surrogate' | undefined {
  let at = json.indexOf(BACKSLASH)
  while (at !== -1) {
    if (json[at + 1] !== LETTER_U) {
      at = json.indexOf(BACKSLASH, at + 2)
      continue
    }
    const unit = hexAt(json, at + 2)
    if (unit === 0) return 'nul'
    let next = at + 6
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const low = json[next] === BACKSLASH && json[next + 1] === LETTER_U ? hexAt(json, next + 2) : 0
      if (unit >= 0xdc00 || low < 0xdc00 || low > 0xdfff) return 'lone surrogate'
      next += 6
    }
    at = json.indexOf(BACKSLASH, next)
  }
  return undefined
}

/**
 * Whether a parsed value holds a member that would change what objects are made of, once somebody copies it member by
 * member: `__proto__`, or `prototype` below `constructor`. `text` is where it was parsed from: most texts cannot hold
 * such a name, and then nothing is walked.
 */
export function poisonsObjects(value: unknown, text: string): boolean {
  if (!text.includes('__proto__') && !text.includes('prototype') && !text.includes('\\u')) return false
  return poisons(value)
}

/** Recurses: the depth limit of events is checked before. */
function poisons(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(poisons)
  return Object.entries(value).some(
    ([name, inner]) =>
      name === '__proto__' ||
      (name === 'constructor' && isObject(inner) && Object.hasOwn(inner, 'prototype')) ||
      poisons(inner),
  )
}

const MAX_ID_LENGTH = 128

/** What a bug prints where an id should be. Two events of two users would be taken for one. */
const bugPrints = new Set(['undefined', 'null', 'nan', 'true', 'false', '[object object]', '{}', '[]'])

/** Why a text cannot name an event; undefined when it can. */
export function idFault(id: string): string | undefined {
  if (id.length === 0) return 'it is empty'
  if (id.length > MAX_ID_LENGTH) return `it has ${id.length} characters, the limit is ${MAX_ID_LENGTH}`
  if (bugPrints.has(id.trim().toLowerCase())) return `${JSON.stringify(id)} looks like the print of a bug`
  return attributeFault(id, MAX_ID_LENGTH) ?? (id.trim() === id ? undefined : 'it begins or ends with space')
}

/** Why a text cannot be an attribute (a header of the record); undefined when it can. CloudEvents 1.0, type String. */
export function attributeFault(text: string, maxLength: number): string | undefined {
  if (text.length === 0) return 'it is empty'
  if (text.length > maxLength) return `it has ${text.length} characters, the limit is ${maxLength}`
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) return 'it holds a control character'
  return text.isWellFormed() ? undefined : 'it holds half a surrogate pair'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** The number of four hexadecimal digits. */
function hexAt(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0x30
    value = value * 16 + (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57)
  }
  return value
}
