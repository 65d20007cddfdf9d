import type { StandardJSONSchemaV1 } from '@standard-schema/spec'

/** JSON Schema, draft 2020-12, as a plain object. */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * What a validator takes, as JSON Schema: events are kept as they were sent. Undefined for a validator that does not
 * speak Standard JSON Schema (zod does from 4.2 on), or that holds something which JSON Schema cannot say.
 */
export function jsonSchemaOf(validator: { readonly '~standard': object }): JsonSchema | undefined {
  const standard = validator['~standard'] as Partial<StandardJSONSchemaV1.Props>
  try {
    const { $schema: _, ...schema } = standard.jsonSchema?.input({ target: 'draft-2020-12' }) ?? {}
    return standard.jsonSchema === undefined ? undefined : schema
  } catch {
    return undefined
  }
}
