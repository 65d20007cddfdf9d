/**
 * JSON that is changed by hand keeps what nobody touched as it was sent: `12345678901234567890` and `1.10` are not the
 * numbers that a program reads out of them, and an edit of another field must not change them.
 */
export function editJson(text: string | undefined, edit: (data: unknown) => unknown): string | undefined {
  if (text === undefined) return JSON.stringify(edit(undefined))
  const sent = JSON.parse(text) as unknown
  return JSON.stringify(asSent(edit(JSON.parse(text)), sent, exactly(text)))
}

/** JSON Merge Patch (RFC 7396): fields of `patch` replace those of `data`, and null removes one. */
export function mergePatch(data: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const merged: Record<string, unknown> = isObject(data) ? { ...data } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else define(merged, name, mergePatch(Object.hasOwn(merged, name) ? merged[name] : undefined, value))
  }
  return merged
}

/** What ECMAScript adds to JSON in 2025, and TypeScript does not know yet. */
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
  rawJSON(text: string): unknown
}

/** Numbers as they were written. */
function exactly(text: string): unknown {
  return json.parse(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined ? json.rawJSON(source) : value,
  )
}

/** `edited`, with each number that is the one that was sent there written as it was. */
function asSent(edited: unknown, sent: unknown, exact: unknown): unknown {
  if (typeof edited === 'number') return Object.is(edited, sent) ? exact : edited
  if (Array.isArray(edited)) {
    const before = Array.isArray(sent) ? (sent as readonly unknown[]) : []
    return edited.map((one, i) => asSent(one, before[i], (exact as readonly unknown[] | undefined)?.[i]))
  }
  if (!isObject(edited)) return edited
  const whole: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(edited)) {
    const there = isObject(sent) && Object.hasOwn(sent, name)
    define(whole, name, there ? asSent(value, sent[name], (exact as typeof sent)[name]) : value)
  }
  return whole
}

/** Also for `__proto__`, which an assignment would take for something else. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
