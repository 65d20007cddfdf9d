import { Buffer } from 'node:buffer'
import { isHoldfastError } from '../event/index.ts'

/** An error as it is kept with a letter: words and stack, capped, without the row values that databases put into details. */
export interface Failure {
  readonly name: string
  readonly code: string | undefined
  readonly message: string
  readonly stack: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

const MAX_MESSAGE = 1_000
const MAX_STACK = 4_000

/** Only name, code, message and stack are read: `detail`, `where` and parameters of a database error stay out. */
export function describeFailure(error: unknown, at: number): Failure {
  const e = (typeof error === 'object' && error !== null ? error : { message: String(error) }) as {
    name?: unknown
    code?: unknown
    message?: unknown
    stack?: unknown
  }
  return keptFailure({
    name: typeof e.name === 'string' ? cut(e.name, 100) : 'Error',
    code: typeof e.code === 'string' ? cut(e.code, 100) : undefined,
    message: cut(typeof e.message === 'string' ? e.message : String(error), MAX_MESSAGE),
    stack: typeof e.stack === 'string' ? e.stack.slice(0, MAX_STACK) : undefined,
    at,
  })
}

/**
 * The same failure in little memory: a hundred thousand events may wait with theirs. They fail in few places, so the
 * frames of their stacks are kept once; the line above these is made from name and message, where it says just that.
 */
export function keptFailure(failure: Failure): Failure {
  return new KeptFailure(failure)
}

class KeptFailure implements Failure {
  readonly name: string
  readonly code: string | undefined
  readonly message: string
  readonly at: number
  /** What stands above the frames. Undefined: name and message. */
  readonly #head: string | undefined
  /** Undefined: it has no stack. */
  readonly #frames: string | undefined

  constructor({ name, code, message, stack, at }: Failure) {
    this.name = once(name)
    this.code = code === undefined ? undefined : once(code)
    this.message = message
    this.at = at
    if (stack === undefined) return
    const head = `${name}: ${message}`
    const isUsual = stack.startsWith(head)
    const frames = isUsual ? head.length : Math.max(0, stack.indexOf('\n    at '))
    this.#head = isUsual ? undefined : copy(stack.slice(0, frames))
    this.#frames = once(stack.slice(frames))
  }

  get stack(): string | undefined {
    if (this.#frames === undefined) return undefined
    return (this.#head ?? `${this.name}: ${this.message}`) + this.#frames
  }

  toJSON(): Failure {
    const { name, code, message, stack, at } = this
    return { name, code, message, stack, at }
  }
}

function cut(text: string, length: number): string {
  return text.length > length ? copy(text.slice(0, length)) : text
}

/** A text of its own: a part of another one keeps all of that in memory. */
function copy(text: string): string {
  return Buffer.from(text).toString()
}

/** The same text as before where it was met. */
function once(text: string): string {
  const known = texts.get(text)
  if (known !== undefined) return known
  if (texts.size >= MAX_TEXTS) texts.clear()
  const own = copy(text)
  texts.set(own, own)
  return own
}

const texts = new Map<string, string>()
const MAX_TEXTS = 1_000

/** In a few words, where there is no room for more. */
export function shortened(failure: Failure): Failure {
  return { ...failure, message: failure.message.slice(0, 100), stack: undefined }
}

/** One line for logs and messages. */
export function failureText(error: unknown): string {
  if (isHoldfastError(error)) return `${error.code}: ${error.message}`
  const { name, code, message } = describeFailure(error, 0)
  return `${code ?? name}: ${message}`
}
