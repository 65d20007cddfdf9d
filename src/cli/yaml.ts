/**
 * Plain JSON data as YAML 1.2 in block style. Every text that is not a simple word is written as JSON writes it, which
 * is YAML too, so that no value turns into a number, a date or a truth.
 */
export function yaml(value: unknown): string {
  return `${block(value, '').replace(/^\n/, '')}\n`
}

function block(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    const entries = value as readonly unknown[]
    return entries.length === 0 ? ' []' : entries.map(one => `\n${indent}-${nested(one, indent)}`).join('')
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined)
    if (fields.length === 0) return ' {}'
    return fields.map(([name, field]) => `\n${indent}${key(name)}:${block(field, `${indent}  `)}`).join('')
  }
  return ` ${scalar(value)}`
}

/** The first field of an object stands behind the dash. */
function nested(value: unknown, indent: string): string {
  return block(value, `${indent}  `).replace(/^\n\s*/, ' ')
}

function key(name: string): string {
  return /^[a-zA-Z_][\w-]*$/.test(name) && !words.has(name.toLowerCase()) ? name : JSON.stringify(name)
}

function scalar(value: unknown): string {
  const isPlain =
    typeof value === 'string' && /^[a-zA-Z_][\w./-]*$/.test(value) && !words.has(value.toLowerCase())
  return isPlain ? value : JSON.stringify(value)
}

/** What readers of YAML take for something else than text, some of them only of YAML 1.1. */
const words = new Set(['null', 'true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n'])
