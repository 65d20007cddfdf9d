import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A file system of its own that a test can fill: a tmpfs, so only root on Linux can have one. */
export interface SmallDisk {
  readonly folder: string
  /** Fills it to the last byte. Answers how many bytes that took; the system said ENOSPC then. */
  fill(): number
  /** Frees what `fill` took. */
  free(): void
}

/** Why there is none here; undefined where there is one. */
export const noSmallDisk: string | undefined =
  process.platform === 'linux' && process.getuid?.() === 0
    ? undefined
    : 'mounting a tmpfs needs root on Linux'

export function smallDisk(megabytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  onTestFinished(() => {
    // Lazy: whatever still runs there is killed by its own clean-up.
    execFileSync('umount', ['--lazy', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  const filler = join(folder, 'filler')
  return {
    folder,
    fill: () => writeUntilFull(filler),
    free: () => rmSync(filler),
  }
}

function writeUntilFull(path: string): number {
  const file = openSync(path, 'w')
  let [total, piece] = [0, Buffer.alloc(1024 * 1024)]
  try {
    for (;;) {
      try {
        total += writeSync(file, piece)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        if (piece.length === 1) return total
        piece = piece.subarray(0, Math.ceil(piece.length / 16))
      }
    }
  } finally {
    closeSync(file)
  }
}
