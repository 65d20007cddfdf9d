import { Environment } from '@marcbachmann/cel-js'
import { HoldfastError } from './errors.ts'

/** Whether something holds for one event, letter or row, given by its fields. */
export type Where<Field extends string> = (of: Readonly<Record<Field, unknown>>) => boolean

const MAX_LENGTH = 4_000

/**
 * Reads a filter as operators write it, such as `data.total > 100 && key.startsWith("t1/")`, in the Common Expression
 * Language (https://cel.dev), which has no loops and no effects. What cannot be answered (a member that is not there, a
 * text compared with a number) does not hold. Throws `CONFIG_INVALID` for what cannot be read, for a name that is not
 * among `fields`, and for what is no condition.
 */
export function parseWhere<Field extends string>(text: string, fields: readonly Field[]): Where<Field> {
  const refuse = (why: string): never => {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `the filter ${JSON.stringify(text.slice(0, 200))}: ${why}. It is an expression of https://cel.dev over ${fields.join(', ')}`,
    })
  }
  if (text.length > MAX_LENGTH) refuse(`it is longer than ${MAX_LENGTH} characters`)
  const environment = fields.reduce((all, name) => all.registerVariable(name, 'dyn'), new Environment())
  const { type = '', error } = environment.check(text)
  if (error) refuse(`${error.summary}${error.range ? ` at character ${error.range.start + 1}` : ''}`)
  if (type !== 'bool' && type !== 'dyn') refuse(`it is of the type ${type}, not true or false`)
  const evaluate = environment.parse(text)
  return of => {
    try {
      return evaluate(of) === true
    } catch {
      return false // it cannot be answered for this one
    }
  }
}
