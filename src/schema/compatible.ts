import type { JsonSchema } from './json-schema.ts'

/** Why an event of the older schema may be refused, or read as something else, by the newer one. */
export interface Break {
  /** JSON pointer to the field, empty for the whole. */
  readonly field: string
  readonly problem: string
}

/**
 * Whether every event that was `written` by one schema can be read by another. Errs on the safe side: what it does not
 * understand must be equal. A field that was removed is a break, although most validators would ignore it: a handler of
 * yesterday reads it.
 */
export function breaks(written: JsonSchema, read: JsonSchema): readonly Break[] {
  return compare({ schema: written, root: written }, { schema: read, root: read }, '', MAX_DEPTH)
}

/** Deeper than any event. A schema that refers to itself is followed so far and no further. */
const MAX_DEPTH = 12

interface Node {
  readonly schema: JsonSchema
  /** Where its `$ref` point into. */
  readonly root: JsonSchema
}

function compare(writtenGiven: Node, readGiven: Node, field: string, depth: number): readonly Break[] {
  const [written, read] = [resolved(writtenGiven), resolved(readGiven)]
  if (depth === 0 || isAny(read.schema) || equal(written, read)) return []
  const alternatives = branches(written)
  if (alternatives.length > 0) return alternatives.flatMap(branch => compare(branch, read, field, depth))
  const choices = branches(read)
  if (choices.length > 0) {
    const tried = choices.map(choice => compare(written, choice, field, depth))
    // The branch that comes nearest tells most.
    return tried.toSorted((a, b) => a.length - b.length)[0] ?? []
  }
  const problem = typeProblem(written.schema, read.schema) ?? valueProblem(written.schema, read.schema)
  if (problem !== undefined) return [{ field, problem }]
  return [
    ...boundProblems(written.schema, read.schema).map(problem => ({ field, problem })),
    ...compareFields(written, read, field, depth),
    ...compareItems(written, read, field, depth),
  ]
}

function compareFields(written: Node, read: Node, field: string, depth: number): readonly Break[] {
  const before = record(written.schema['properties'])
  const now = record(read.schema['properties'])
  const required = list(written.schema['required'])
  const found: Break[] = []
  for (const [name, schema] of Object.entries(before)) {
    const at = `${field}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const newer = now[name] ?? openValues(read.schema)
    if (newer === undefined) found.push({ field: at, problem: 'was removed' })
    else
      found.push(
        ...compare({ ...written, schema: record(schema) }, { ...read, schema: record(newer) }, at, depth - 1),
      )
  }
  for (const name of list(read.schema['required'])) {
    if (required.includes(name)) continue
    const problem = name in before ? 'is required now and was optional' : 'is required now and was not there'
    found.push({ field: `${field}/${name}`, problem })
  }
  const values = [written.schema, read.schema].map(openValues)
  if (values[0] !== undefined && values[1] !== undefined)
    found.push(
      ...compare({ ...written, schema: values[0] }, { ...read, schema: values[1] }, `${field}/*`, depth - 1),
    )
  return found
}

/** The schema of fields without a name of their own: those of a record. */
function openValues(schema: JsonSchema): JsonSchema | undefined {
  const values = schema['additionalProperties']
  return typeof values === 'object' && values !== null && !isAny(values as JsonSchema)
    ? (values as JsonSchema)
    : undefined
}

function compareItems(written: Node, read: Node, field: string, depth: number): readonly Break[] {
  const [before, now] = [written.schema['items'], read.schema['items']]
  if (typeof now !== 'object' || now === null) return []
  return compare(
    { ...written, schema: record(before) },
    { ...read, schema: record(now) },
    `${field}/*`,
    depth - 1,
  )
}

function typeProblem(written: JsonSchema, read: JsonSchema): string | undefined {
  const [before, now] = [typesOf(written), typesOf(read)]
  if (now.length === 0) return undefined
  const accepted = (type: string): boolean =>
    now.includes(type) || (type === 'integer' && now.includes('number'))
  if (before.length > 0 && before.every(accepted)) return undefined
  return `was ${before.join(' or ') || 'of any type'} and is ${now.join(' or ')}`
}

function valueProblem(written: JsonSchema, read: JsonSchema): string | undefined {
  const now = valuesOf(read)
  if (now === undefined) return undefined
  const before = valuesOf(written)
  if (before === undefined) return `takes only ${now.join(', ')} now`
  const gone = before.filter(value => !now.includes(value))
  return gone.length === 0 ? undefined : `does not take ${gone.join(', ')} any more`
}

function valuesOf({ const: only, enum: several }: JsonSchema): readonly string[] | undefined {
  if (only !== undefined) return [JSON.stringify(only)]
  return Array.isArray(several) ? several.map(value => JSON.stringify(value)) : undefined
}

const LEAST = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
const MOST = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']
/** Not understood: must be as it was. */
const OPAQUE = [
  'pattern',
  'multipleOf',
  'uniqueItems',
  'not',
  'prefixItems',
  'allOf',
  'propertyNames',
  'contentEncoding',
]

function boundProblems(written: JsonSchema, read: JsonSchema): readonly string[] {
  const narrower = (name: string, sign: 1 | -1): boolean => {
    const [before, now] = [written[name], read[name]]
    return typeof now === 'number' && !(typeof before === 'number' && before * sign >= now * sign)
  }
  const bounds = [...LEAST.filter(name => narrower(name, 1)), ...MOST.filter(name => narrower(name, -1))]
  const changed = OPAQUE.filter(name => read[name] !== undefined && !same(written[name], read[name]))
  return [...bounds, ...changed].map(
    name => `takes less than before: ${name} is ${JSON.stringify(read[name])}`,
  )
}

function branches({ schema, root }: Node): readonly Node[] {
  const some = schema['anyOf'] ?? schema['oneOf']
  return Array.isArray(some) ? some.map(branch => ({ schema: record(branch), root })) : []
}

/** Follows `$ref` within the schema: `#` and `#/$defs/Name`. */
function resolved({ schema, root }: Node): Node {
  let at = schema
  for (let steps = 0; typeof at['$ref'] === 'string' && steps < MAX_DEPTH; steps++) {
    const path = at['$ref'].split('/').slice(1)
    at = path.reduce<JsonSchema>((from, name) => record(from[name]), root)
  }
  return { schema: at, root }
}

/** Says nothing about a value: `{}`, or only words for people. */
function isAny(schema: JsonSchema): boolean {
  return Object.keys(schema).every(name =>
    ['$schema', 'title', 'description', 'default', 'examples', '$id', 'id'].includes(name),
  )
}

function equal(a: Node, b: Node): boolean {
  return same(a.schema, b.schema) && same(a.root['$defs'], b.root['$defs'])
}

/** Whatever the order of keys. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  )
}

function typesOf({ type }: JsonSchema): readonly string[] {
  return typeof type === 'string' ? [type] : list(type)
}

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}

function record(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : {}
}
