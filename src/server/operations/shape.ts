import type { JsonSchema } from '../../schema/index.ts'

/**
 * What a value that goes in or comes out of an operation looks like: one description that checks it at the edge and is
 * its JSON Schema. Inputs come as JSON, as text of a query, or as words of a command line, so numbers and flags are
 * taken as text too.
 */
export interface Shape<T> {
  readonly json: JsonSchema
  readonly isOptional?: true
  /** The value as the operation gets it. Adds to `problems` what is wrong; the answer then means nothing. */
  read(value: unknown, at: string, problems: Problem[]): T
}

/** What is wrong with an input, and where: a JSON pointer, `` for the whole. */
export interface Problem {
  readonly field: string
  readonly message: string
}

/** Text of 1 to `max` characters (1,000 where nothing is said), `pattern` where only some will do. */
export function text(about: string, rules: { max?: number; pattern?: RegExp } = {}): Shape<string> {
  const { max = 1_000, pattern } = rules
  return {
    json: {
      type: 'string',
      description: about,
      minLength: 1,
      maxLength: max,
      ...(pattern && { pattern: pattern.source }),
    },
    read(value, at, problems) {
      const given = typeof value === 'string' ? value : ''
      if (typeof value !== 'string') problems.push({ field: at, message: 'must be text' })
      else if (given.length === 0 || given.length > max)
        problems.push({ field: at, message: `must have 1 to ${max} characters, has ${given.length}` })
      else if (pattern && !pattern.test(given))
        problems.push({ field: at, message: `${about}; got ${JSON.stringify(given.slice(0, 80))}` })
      return given
    },
  }
}

/** An offset, as decimal digits: offsets outgrow what a JSON number holds exactly. */
export function digits(about: string): Shape<string> {
  return text(about, { max: 20, pattern: /^\d+$/ })
}

/** A length of time such as `30s`, `10m`, `24h`, `7d`. */
export function duration(about: string): Shape<string> {
  return text(about, { max: 20, pattern: /^\d+(\.\d+)?(ms|s|m|h|d)$/ })
}

/** A moment: ISO 8601, milliseconds since 1970, or `-1h` for an hour ago. {@link momentOf} reads it. */
export function moment(about: string): Shape<string> {
  return text(about, {
    max: 40,
    pattern: /^(\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d))?|\d{10,14}|-\d+(\.\d+)?(ms|s|m|h|d))$/,
  })
}

export function whole(about: string, { min, max }: { min: number; max: number }): Shape<number> {
  return {
    json: { type: 'integer', description: about, minimum: min, maximum: max },
    read(value, at, problems) {
      const given = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
      if (typeof given === 'number' && Number.isInteger(given) && given >= min && given <= max) return given
      problems.push({ field: at, message: `must be a whole number from ${min} to ${max}` })
      return min
    },
  }
}

/** Any number: only for what comes out. */
export function number(about: string): Shape<number> {
  return checked(
    { type: 'number', description: about },
    'must be a number',
    value => typeof value === 'number',
  )
}

export function flag(about: string): Shape<boolean> {
  return {
    json: { type: 'boolean', description: about },
    read(value, at, problems) {
      if (value === true || value === 'true') return true
      if (value !== false && value !== 'false') problems.push({ field: at, message: 'must be true or false' })
      return false
    },
  }
}

export function choice<const T extends string>(about: string, values: readonly T[]): Shape<T> {
  return checked(
    { type: 'string', description: about, enum: values },
    `must be ${values.join(' or ')}`,
    value => values.includes(value as T),
  )
}

export function list<T>(of: Shape<T>, { max = 1_000 }: { max?: number } = {}): Shape<readonly T[]> {
  return {
    json: { type: 'array', items: of.json, maxItems: max },
    read(value, at, problems) {
      // A list of one in a query looks like no list.
      const given: readonly unknown[] = Array.isArray(value) ? value : [value]
      if (given.length > max) {
        problems.push({ field: at, message: `must have at most ${max} entries, has ${given.length}` })
        return []
      }
      return given.map((one, i) => of.read(one, `${at}/${i}`, problems))
    },
  }
}

/** A list of what comes out, of any length. */
export function rows<T>(of: Shape<T>): Shape<readonly T[]> {
  return list(of, { max: Number.MAX_SAFE_INTEGER })
}

export type Fields<T> = { readonly [K in keyof T]-?: Shape<T[K]> }

/** Exactly these fields. One that is not known is a problem: a misspelt option must not be passed over. */
export function object<T extends object>(fields: Fields<T>, about?: string): Shape<T> {
  const entries = Object.entries<Shape<unknown>>(fields)
  return {
    json: {
      type: 'object',
      ...(about !== undefined && { description: about }),
      properties: Object.fromEntries(entries.map(([name, field]) => [name, field.json])),
      required: entries.filter(([, field]) => !field.isOptional).map(([name]) => name),
      additionalProperties: false,
    },
    read(value, at, problems) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        problems.push({ field: at, message: 'must be an object' })
        return {} as T
      }
      const given = value as Record<string, unknown>
      for (const name of Object.keys(given).filter(name => !Object.hasOwn(fields, name)))
        problems.push({ field: `${at}/${name}`, message: 'is not known here' })
      const out: Record<string, unknown> = {}
      for (const [name, field] of entries) {
        const one = given[name]
        if (one !== undefined) out[name] = field.read(one, `${at}/${name}`, problems)
        else if (!field.isOptional) problems.push({ field: `${at}/${name}`, message: 'is missing' })
      }
      return out as T
    },
  }
}

export function optional<T>(of: Shape<T>): Shape<T | undefined> {
  return { ...of, isOptional: true }
}

export function nullable<T>(of: Shape<T>): Shape<T | null> {
  return {
    json: { anyOf: [of.json, { type: 'null' }] },
    read: (value, at, problems) => (value === null ? null : of.read(value, at, problems)),
  }
}

/** Any JSON value: payloads, headers. */
export function json(about: string): Shape<unknown> {
  return { json: { description: about }, read: value => value }
}

function checked<T>(json: JsonSchema, message: string, holds: (value: unknown) => boolean): Shape<T> {
  return {
    json,
    read(value, at, problems) {
      if (!holds(value)) problems.push({ field: at, message })
      return value as T
    },
  }
}
