import { HoldfastError } from '../../event/index.ts'

/** Reads the fields of stored JSON one by one; what is missing or of another type is `LOG_CORRUPT`, with its name. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #where: string

  private constructor(values: unknown, where: string) {
    this.#where = where
    if (typeof values !== 'object' || values === null) throw this.#corrupt('is no JSON object')
    this.#values = values as Readonly<Record<string, unknown>>
  }

  /** `where` names the record in errors. */
  static parse(text: string | undefined, where: string): Fields {
    let values: unknown
    try {
      values = JSON.parse(text ?? 'null')
    } catch {
      values = undefined
    }
    return new Fields(values, where)
  }

  text(name: string): string {
    const value = this.#values[name]
    if (typeof value !== 'string') throw this.wrong(name, 'a text')
    return value
  }

  /** A whole number from 0. */
  count(name: string): number {
    const value = this.#values[name]
    if (!Number.isSafeInteger(value) || Number(value) < 0) throw this.wrong(name, 'a whole number from 0')
    return Number(value)
  }

  /** The digits of a number that may be larger than JSON's. */
  digits(name: string): string {
    const value = this.text(name)
    if (!/^\d{1,20}$/.test(value)) throw this.wrong(name, 'digits')
    return value
  }

  oneOf<T extends string>(name: string, known: readonly T[]): T {
    const found = known.find(one => one === this.#values[name])
    if (found === undefined) throw this.wrong(name, `one of ${known.join(', ')}`)
    return found
  }

  /** A finite number above 0. */
  amount(name: string): number {
    const value = this.#values[name]
    if (!(Number.isFinite(value) && Number(value) > 0)) throw this.wrong(name, 'a number above 0')
    return Number(value)
  }

  list(name: string): Fields[] {
    const value = this.#values[name]
    if (!Array.isArray(value)) throw this.wrong(name, 'a list')
    return value.map((one, i) => new Fields(one, `${this.#where}, ${name}[${i}]`))
  }

  object(name: string): Fields {
    return new Fields(this.#values[name], `${this.#where}, ${name}`)
  }

  /** Undefined when the field is not there, else the fields to read it from. */
  maybe(name: string): Fields | undefined {
    return this.#values[name] === undefined ? undefined : this
  }

  wrong(name: string, expected: string): HoldfastError {
    return this.#corrupt(`has ${name} ${JSON.stringify(this.#values[name])} where ${expected} belongs`)
  }

  #corrupt(what: string): HoldfastError {
    return new HoldfastError('LOG_CORRUPT', { detail: `${this.#where} ${what}` })
  }
}
