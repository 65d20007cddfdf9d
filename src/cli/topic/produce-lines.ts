import { HoldfastError, type Headers } from '../../event/index.ts'
import { lineSplitter, sliceDocument, sliceMember, type Line } from '../../collect/index.ts'

/** One event or record that somebody wants in a topic, as it was given. */
export interface Given {
  readonly key: string | undefined
  readonly headers: Headers
  /** Null is a tombstone. */
  readonly value: Uint8Array | null
  /** Named beside the headers: `{"type":"placed","data":{…}}`. */
  readonly type: string | undefined
  readonly id: string | undefined
}

export type InputForm = 'lines' | 'jsonl' | 'whole'

/** As the collector bounds a line; the log has a bound of its own. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

/** What a stream of bytes holds. Throws `CONFIG_INVALID` with the number of a line that cannot be read. */
export async function* givenIn(input: AsyncIterable<Uint8Array>, form: InputForm): AsyncGenerator<Given> {
  if (form === 'whole') {
    const parts: Uint8Array[] = []
    for await (const part of input) parts.push(part)
    yield plain(Buffer.concat(parts))
    return
  }
  let number = 0
  for await (const line of linesIn(input)) {
    number += 1
    if (line.kind === 'too-long') throw wrong(number, `it is longer than ${MAX_LINE_BYTES} bytes`)
    if (form === 'lines') yield plain(line.bytes)
    else if (line.bytes.toString().trim() !== '') yield fromJson(line.bytes, number)
  }
}

async function* linesIn(input: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  const splitter = lineSplitter(MAX_LINE_BYTES)
  for await (const part of input) yield* splitter.push(part)
  const rest = splitter.rest()
  if (rest) yield rest
}

function plain(value: Uint8Array): Given {
  return { key: undefined, headers: {}, value, type: undefined, id: undefined }
}

/** `data` is taken as the bytes that stand there: a payload that was parsed and written again may be another one. */
function fromJson(line: Buffer, number: number): Given {
  let object: unknown
  try {
    object = JSON.parse(line.toString())
  } catch (error) {
    throw wrong(number, error instanceof Error ? error.message : String(error))
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw wrong(number, 'it is no JSON object')
  const given = object as Readonly<Record<string, unknown>>
  return {
    key: textIn(given, 'key', number),
    headers: headersIn(given['headers'], number),
    value: valueIn(given, line, number),
    type: textIn(given, 'type', number),
    id: textIn(given, 'id', number),
  }
}

function valueIn(given: Readonly<Record<string, unknown>>, line: Buffer, number: number): Uint8Array | null {
  const base64 = textIn(given, 'base64', number)
  if (base64 !== undefined) return Buffer.from(base64, 'base64')
  if (given['data'] === undefined) return null
  const document = sliceDocument(line, 1)
  const span = document.kind === 'one' ? sliceMember(line, document.span, 'data') : undefined
  if (!span) throw wrong(number, 'its data cannot be found')
  return Buffer.from(line.subarray(span.start, span.end))
}

function headersIn(given: unknown, number: number): Headers {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null) throw wrong(number, 'headers is no object')
  for (const [name, value] of Object.entries(given))
    if (typeof value !== 'string') throw wrong(number, `the header ${name} is no text`)
  return given as Headers
}

function textIn(given: Readonly<Record<string, unknown>>, name: string, number: number): string | undefined {
  const value = given[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw wrong(number, `${name} is no text`)
  return value
}

function wrong(number: number, why: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { detail: `line ${number} of the input: ${why}` })
}
