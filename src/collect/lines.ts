const NEWLINE = 0x0a

/** One line without its end, or the sign that it was longer than the limit. */
export type Line = { readonly kind: 'line'; readonly bytes: Buffer } | { readonly kind: 'too-long' }

/**
 * Cuts a stream of bytes into lines. Holds at most `maxLineBytes` of an unfinished line: what is longer is passed over
 * up to its end, and the lines after it are read as usual.
 */
export function lineSplitter(maxLineBytes: number): {
  /** The lines that `bytes` completes. */
  push(bytes: Uint8Array): Line[]
  /** The last line, if it had no newline. Only for a body that is complete: else it is half a line. */
  rest(): Line | undefined
} {
  let held: Uint8Array[] = []
  let heldBytes = 0
  let skipping = false
  const finish = (): Line => {
    const line: Line = skipping ? { kind: 'too-long' } : { kind: 'line', bytes: Buffer.concat(held) }
    held = []
    heldBytes = 0
    skipping = false
    return line
  }
  const hold = (part: Uint8Array): void => {
    heldBytes += part.length
    if (heldBytes > maxLineBytes) {
      skipping = true
      held = []
    } else if (!skipping && part.length > 0) held.push(part)
  }
  return {
    push(bytes) {
      const lines: Line[] = []
      let from = 0
      for (;;) {
        const end = bytes.indexOf(NEWLINE, from)
        hold(bytes.subarray(from, end === -1 ? bytes.length : end))
        if (end === -1) return lines
        lines.push(finish())
        from = end + 1
      }
    },
    rest: () => (heldBytes === 0 ? undefined : finish()),
  }
}
