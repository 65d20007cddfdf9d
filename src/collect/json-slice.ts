/**
 * Finds where values stand in a JSON text, so that a payload can be stored as the exact bytes that came in: a parsed
 * and re-written value has lost large integers, `1.10` and repeated names.
 *
 * It only finds borders, in one pass and without recursion, and measures depth. Whether what lies between is JSON is
 * decided by `JSON.parse` on each span, which the size and depth limits have made safe by then. It never reads past
 * the end and always moves forward, whatever the bytes.
 */

/** A value's place: from `start` to before `end`, and how deep its arrays and objects nest (a number is 0 deep). */
export interface Span {
  readonly start: number
  readonly end: number
  readonly depth: number
}

export type Sliced =
  /** The text is one value that is not an array. */
  | { readonly kind: 'one'; readonly span: Span }
  /** The text is an array of these. */
  | { readonly kind: 'many'; readonly spans: readonly Span[] }
  | { readonly kind: 'too-many' }
  | { readonly kind: 'malformed'; readonly at: number }

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** The one value of a text, or the elements of its outermost array, at most `maxElements`. */
export function sliceDocument(bytes: Uint8Array, maxElements: number): Sliced {
  const scan = new Scanner(bytes, startOfText(bytes))
  scan.space()
  if (scan.peek() !== OPEN_ARRAY) {
    const span = scan.value()
    scan.space()
    return span && scan.atEnd ? { kind: 'one', span } : { kind: 'malformed', at: scan.at }
  }
  const spans: Span[] = []
  scan.at++
  scan.space()
  if (scan.peek() === CLOSE_ARRAY) scan.at++
  else {
    for (;;) {
      scan.space()
      const span = scan.value()
      if (!span) return { kind: 'malformed', at: scan.at }
      if (spans.push(span) > maxElements) return { kind: 'too-many' }
      scan.space()
      const next = scan.peek()
      if (next !== COMMA && next !== CLOSE_ARRAY) return { kind: 'malformed', at: scan.at }
      scan.at++
      if (next === CLOSE_ARRAY) break
    }
  }
  scan.space()
  return scan.atEnd ? { kind: 'many', spans } : { kind: 'malformed', at: scan.at }
}

/**
 * The value of member `name` of the object at `object`, which `JSON.parse` has accepted. Of repeated names the last
 * one counts, as in `JSON.parse`.
 */
export function sliceMember(bytes: Uint8Array, object: Span, name: string): Span | undefined {
  const scan = new Scanner(bytes, object.start + 1)
  let found: Span | undefined
  while (scan.at < object.end) {
    scan.space()
    if (scan.peek() !== QUOTE) return found // `}` of an empty object
    const nameAt = scan.at
    scan.value()
    const named = isName(bytes, nameAt, scan.at, name)
    scan.space()
    if (scan.peek() === COLON) scan.at++
    scan.space()
    const span = scan.value()
    if (!span) return found
    if (named) found = span
    scan.space()
    scan.at++ // `,` or `}`
  }
  return found
}

class Scanner {
  at: number
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  get atEnd(): boolean {
    return this.at >= this.#bytes.length
  }

  peek(): number | undefined {
    return this.#bytes[this.at]
  }

  space(): void {
    while (isSpace(this.#bytes[this.at])) this.at++
  }

  /** Passes one value and answers its place; undefined when the text ends within it or no value stands here. */
  value(): Span | undefined {
    const start = this.at
    const first = this.peek()
    if (first === QUOTE) return this.#string() ? { start, end: this.at, depth: 0 } : undefined
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      const depth = this.#container()
      return depth === undefined ? undefined : { start, end: this.at, depth }
    }
    while (this.at < this.#bytes.length && !endsScalar(this.#bytes[this.at])) this.at++
    return this.at > start ? { start, end: this.at, depth: 0 } : undefined
  }

  /** Passes a string from quote to quote. */
  #string(): boolean {
    const bytes = this.#bytes
    for (let at = this.at + 1; at < bytes.length; at++) {
      const byte = bytes[at]
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) {
        this.at = at + 1
        return true
      }
    }
    this.at = bytes.length
    return false
  }

  /** Passes an array or object by counting brackets outside strings; answers how deep they went. */
  #container(): number | undefined {
    let open = 0
    let deepest = 0
    while (this.at < this.#bytes.length) {
      const byte = this.#bytes[this.at]
      if (byte === QUOTE) {
        if (!this.#string()) return undefined
        continue
      }
      this.at++
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        open++
        if (open > deepest) deepest = open
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        open--
        if (open === 0) return deepest
      }
    }
    return undefined
  }
}

/** After a byte order mark, which some senders put first and which is not JSON. */
function startOfText(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function endsScalar(byte: number | undefined): boolean {
  return isSpace(byte) || byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || byte === COLON
}

/** Whether the string between `start` and `end`, quotes included, says `name`, escapes resolved. */
function isName(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + 1 + i]
    if (byte === BACKSLASH)
      return JSON.parse(Buffer.from(bytes.subarray(start, end)).toString('utf8')) === name
    if (byte !== name.charCodeAt(i)) return false
  }
  return bytes[start + 1 + name.length] === QUOTE
}
