import { copyFileSync, rmSync, statSync, truncateSync } from 'node:fs'

/**
 * Moves what stands in `file` to `file.1` when it is larger than `maxBytes`. By copy and cut, because another process
 * writes to it by a descriptor that a rename would carry along; it must append. What it writes between copy and cut is
 * lost: some lines of a log. On a full disk nothing is cut, and the next call tries again.
 */
export function rotateFile(file: string, maxBytes: number): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= maxBytes) return
  const former = `${file}.1`
  // First, so that there is room for the copy where there was room for the one before.
  rmSync(former, { force: true })
  try {
    copyFileSync(file, former)
  } catch {
    // Half a copy is no copy; and whoever runs beside a full disk must go on, so nothing is thrown.
    rmSync(former, { force: true })
    return
  }
  truncateSync(file)
}
