import type { LogRecord } from '../../event/index.ts'

const strict = new TextDecoder('utf-8', { fatal: true })

/** The payload as text; undefined when it is none, or said to be something else than JSON. */
export function jsonText({ value, headers }: Pick<LogRecord, 'value' | 'headers'>): string | undefined {
  const contentType = headers['content-type']
  if (value === null || (contentType !== undefined && !/[/+]json\b/i.test(contentType))) return undefined
  try {
    const text = strict.decode(value)
    JSON.parse(text)
    return text
  } catch {
    return undefined // the bytes of what died while it was decoded
  }
}

/** The payload as a value; undefined where it is no JSON. */
export function eventData(event: Pick<LogRecord, 'value' | 'headers'>): unknown {
  const text = jsonText(event)
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}
