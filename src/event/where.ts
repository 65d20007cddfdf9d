import { HoldfastError } from './errors.ts'

/** Whether something holds for one event, letter or row, given by its fields. */
export type Where = (of: Readonly<Record<string, unknown>>) => boolean

/**
 * Reads a filter expression as operators write it, such as `data.total > 100 && type == "click"`:
 *
 *   or      = and { "||" and }          and   = not { "&&" not }
 *   not     = "!" not | "(" or ")" | test
 *   test    = path [ operator value ]   a path alone: there, and neither false nor null
 *   path    = name { "." name | "[" number or text "]" }
 *   operator= "==" | "!=" | "<" | "<=" | ">" | ">=" | "~" (the text contains)
 *   value   = number | "text" | 'text' | true | false | null
 *
 * Numbers compare with numbers and texts with texts; values of two kinds are only ever unequal, and so is a path that
 * leads nowhere. Throws `CONFIG_INVALID` with the place of a mistake. Nothing of it is ever run as code.
 */
export function parseWhere(text: string): Where {
  if (text.length > MAX_LENGTH) throw mistake(text, MAX_LENGTH, `it is longer than ${MAX_LENGTH} characters`)
  return new Parser(text).whole()
}

const MAX_LENGTH = 4_000
/** Brackets and negations within each other. */
const MAX_DEPTH = 100

const token =
  /\s*(?:(\|\||&&|==|!=|<=|>=|[!<>~().[\]])|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|("(?:[^"\\]|\\.)*")|('(?:[^'\\]|\\.)*')|([\p{L}_$][\p{L}\p{N}_$-]*))/uy

type Token =
  | { readonly kind: 'sign' | 'name'; readonly text: string; readonly at: number }
  | { readonly kind: 'value'; readonly value: string | number; readonly at: number }
  | { readonly kind: 'end'; readonly at: number }

type Path = readonly (string | number)[]

const operators: Readonly<Record<string, (found: unknown, value: unknown) => boolean>> = {
  '==': (found, value) => found === value,
  '!=': (found, value) => found !== value,
  '<': (found, value) => ordered(found, value, (a, b) => a < b),
  '<=': (found, value) => ordered(found, value, (a, b) => a <= b),
  '>': (found, value) => ordered(found, value, (a, b) => a > b),
  '>=': (found, value) => ordered(found, value, (a, b) => a >= b),
  '~': (found, value) => typeof found === 'string' && typeof value === 'string' && found.includes(value),
}

function ordered(
  a: unknown,
  b: unknown,
  holds: (a: string | number, b: string | number) => boolean,
): boolean {
  const comparable =
    (typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string')
  return comparable && holds(a, b)
}

const constants: Readonly<Record<string, unknown>> = { true: true, false: false, null: null }

class Parser {
  readonly #text: string
  #next: Token
  #end = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
    this.#next = this.#read()
  }

  whole(): Where {
    const where = this.#or()
    if (this.#next.kind !== 'end') throw this.#mistake('&& or || belongs here')
    return where
  }

  #or(): Where {
    const parts = [this.#and()]
    while (this.#took('||')) parts.push(this.#and())
    return parts.length === 1 && parts[0] ? parts[0] : of => parts.some(part => part(of))
  }

  #and(): Where {
    const parts = [this.#not()]
    while (this.#took('&&')) parts.push(this.#not())
    return parts.length === 1 && parts[0] ? parts[0] : of => parts.every(part => part(of))
  }

  #not(): Where {
    if (++this.#depth > MAX_DEPTH) throw this.#mistake('too many brackets within each other')
    let where: Where
    if (this.#took('!')) {
      const inner = this.#not()
      where = of => !inner(of)
    } else if (this.#took('(')) {
      where = this.#or()
      if (!this.#took(')')) throw this.#mistake('a ) is missing here')
    } else where = this.#test()
    this.#depth -= 1
    return where
  }

  #test(): Where {
    const path = this.#path()
    const sign = this.#next.kind === 'sign' ? this.#next.text : ''
    const compare = Object.hasOwn(operators, sign) ? operators[sign] : undefined
    if (!compare) {
      return of => {
        const found = valueAt(of, path)
        return found !== undefined && found !== null && found !== false
      }
    }
    this.#advance()
    const value = this.#value()
    return of => compare(valueAt(of, path), value)
  }

  #path(): Path {
    const path: (string | number)[] = [this.#name()]
    for (;;) {
      if (this.#took('.')) path.push(this.#name())
      else if (this.#took('[')) {
        const step = this.#next
        if (step.kind !== 'value') throw this.#mistake('a number or a quoted name belongs here')
        path.push(step.value)
        this.#advance()
        if (!this.#took(']')) throw this.#mistake('a ] is missing here')
      } else return path
    }
  }

  #name(): string {
    if (this.#next.kind !== 'name') throw this.#mistake('a name such as data.total belongs here')
    const { text } = this.#next
    this.#advance()
    return text
  }

  #value(): unknown {
    const next = this.#next
    if (next.kind === 'name' && Object.hasOwn(constants, next.text)) {
      this.#advance()
      return constants[next.text]
    }
    if (next.kind !== 'value')
      throw this.#mistake('a number, a quoted text, true, false or null belongs here')
    this.#advance()
    return next.value
  }

  #took(sign: string): boolean {
    const { kind } = this.#next
    if (kind !== 'sign' || this.#next.text !== sign) return false
    this.#advance()
    return true
  }

  #advance(): void {
    this.#next = this.#read()
  }

  #read(): Token {
    const from = this.#end
    token.lastIndex = from
    const [all, sign, number, double, single, name] = token.exec(this.#text) ?? []
    if (all === undefined) {
      if (this.#text.slice(from).trim() === '') return { kind: 'end', at: this.#text.length }
      throw mistake(this.#text, from, 'this is no name, value or operator')
    }
    this.#end = token.lastIndex
    const at = this.#end - all.trimStart().length
    if (sign !== undefined) return { kind: 'sign', text: sign, at }
    if (name !== undefined) return { kind: 'name', text: name, at }
    if (number !== undefined) return { kind: 'value', value: Number(number), at }
    return { kind: 'value', value: (double ?? single ?? '').slice(1, -1).replaceAll(/\\(.)/gs, '$1'), at }
  }

  #mistake(what: string): HoldfastError {
    return mistake(this.#text, this.#next.at, what)
  }
}

/** Own fields only: `constructor` leads nowhere. */
function valueAt(of: unknown, path: Path): unknown {
  let at: unknown = of
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Readonly<Record<string | number, unknown>>)[step]
  }
  return at
}

function mistake(text: string, at: number, what: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', {
    detail: `the filter ${JSON.stringify(text.slice(0, 200))} cannot be read at character ${at + 1}: ${what}`,
  })
}
