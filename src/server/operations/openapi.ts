import type { JsonSchema } from '../../schema/index.ts'
import { version } from '../../version.ts'
import { pathOf, type AnyOperation } from './operation.ts'
import { executeShape, reasonShape } from './perform.ts'

/** The table of operations as an OpenAPI 3.1 document. */
export function openApi(operations: readonly AnyOperation[]): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast admin API',
      version,
      description:
        'What an operator can ask for and do. The same operations are the commands of `holdfast` and calls in code.',
    },
    paths: Object.fromEntries(operations.map(operation => [pathOf(operation), pathItem(operation)])),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: problemSchema },
    },
    security: [{ token: [] }, {}],
  }
}

function pathItem(operation: AnyOperation): object {
  const { name, summary, role, effect, output } = operation
  const described = {
    operationId: name,
    summary,
    description: `Needs the role ${role}.${effect === 'decision' ? ' Says what it would do, and does it only with `execute`.' : ''}`,
    tags: [name.split('.')[0]],
    responses: {
      200: {
        description: 'done',
        content: { 'application/json': { schema: answerSchema(operation, output.json) } },
      },
      default: {
        description: 'refused or failed',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
  return effect === 'none'
    ? { get: { ...described, parameters: parametersOf(operation.input.json) } }
    : { post: { ...described, requestBody: bodyOf(operation) } }
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>
  readonly required: readonly string[]
}

function parametersOf(input: JsonSchema): object[] {
  const { properties, required } = input as unknown as ObjectSchema
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

function bodyOf({ effect, input }: AnyOperation): object {
  const intent = { ...(effect === 'decision' && { execute: executeShape.json }), reason: reasonShape.json }
  const schema = withProperties(input.json, intent)
  return { required: true, content: { 'application/json': { schema } } }
}

function answerSchema({ effect }: AnyOperation, output: JsonSchema): JsonSchema {
  const added = { format: { const: 1 }, ...(effect === 'decision' && { executed: { type: 'boolean' } }) }
  return withProperties(output, added, Object.keys(added))
}

function withProperties(
  schema: JsonSchema,
  more: Readonly<Record<string, JsonSchema>>,
  required: string[] = [],
): JsonSchema {
  const known = schema as unknown as ObjectSchema
  return {
    ...schema,
    properties: { ...known.properties, ...more },
    required: [...known.required, ...required],
  }
}

const problemSchema: JsonSchema = {
  type: 'object',
  description: 'RFC 9457, with the code of the error and what to do',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    advice: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { field: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'advice'],
}
