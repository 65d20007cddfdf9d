import { copyFileSync, statSync, truncateSync } from 'node:fs'

/**
 * Moves what stands in `file` to `file.1` when it is larger than `maxBytes`. By copy and cut, because another process
 * writes to it by a descriptor that a rename would carry along; it must append. What it writes between copy and cut is
 * lost: some lines of a log.
 */
export function rotateFile(file: string, maxBytes: number): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= maxBytes) return
  copyFileSync(file, `${file}.1`)
  truncateSync(file)
}
