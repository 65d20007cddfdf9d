import { HoldfastError, jsonIn, recordLine, type LogRecord } from '../../event/index.ts'

/** How values are shown: `auto` as text that cannot harm a terminal, or base64; `raw` as the text that they are. */
export type Decode = 'auto' | 'raw'

const fields: Readonly<Record<string, (record: LogRecord, decode: Decode) => string>> = {
  T: ({ topic }) => topic,
  p: ({ partition }) => String(partition),
  o: ({ offset }) => String(offset),
  t: ({ timestamp }) => new Date(timestamp).toISOString(),
  k: ({ key }, decode) => shown(key ?? '-', decode),
  v: ({ value }, decode) => valueText(value, decode),
  h: ({ headers }) => JSON.stringify(headers),
  i: ({ headers }, decode) => shown(headers['ce_id'] ?? '-', decode),
  y: ({ headers }, decode) => shown(headers['ce_type'] ?? '-', decode),
  s: ({ value }) => String(value?.length ?? 0),
  '%': () => '%',
}

export const DEFAULT_FORMAT = String.raw`%t %p/%o %y %k %v\n`

/** What the letters of a format mean, for the help. */
export const FORMAT_HELP =
  '%T topic, %p partition, %o offset, %t time, %k key, %i id, %y type, %v value, %s bytes of it, %h headers, %% a percent sign'

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', 0: '\0', '\\': '\\' }

/** Throws `CONFIG_INVALID` for a letter that means nothing. */
export function recordFormat(format: string, decode: Decode): (record: LogRecord) => string {
  const parts = [...format.matchAll(/%(.?)|\\(.?)|[^%\\]+/gsu)].map(([all, field, escape]) => {
    if (escape !== undefined) return escapes[escape] ?? all
    if (field === undefined) return all
    const known = Object.hasOwn(fields, field) ? fields[field] : undefined
    if (known) return (record: LogRecord) => known(record, decode)
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `format: %${field} means nothing; there are ${FORMAT_HELP}`,
    })
  })
  return record => parts.map(part => (typeof part === 'string' ? part : part(record))).join('')
}

/** One line of JSON each, as `topic produce --input jsonl` reads them. */
export function jsonlFormat(record: LogRecord): string {
  return `${recordLine(record)}\n`
}

function valueText(value: Uint8Array | null, decode: Decode): string {
  if (value === null) return decode === 'raw' ? '' : 'null (tombstone)'
  if (decode === 'raw') return Buffer.from(value).toString()
  const json = jsonIn(value)
  if (json !== undefined) return shown(json, decode)
  const text = Buffer.from(value).toString()
  return text.includes('\u{fffd}') ? `base64:${Buffer.from(value).toString('base64')}` : shown(text, decode)
}

/** Control characters could move a terminal's cursor. */
function shown(text: string, decode: Decode): string {
  return decode === 'raw' ? text : text.replaceAll(/\p{Cc}/gu, '·')
}
