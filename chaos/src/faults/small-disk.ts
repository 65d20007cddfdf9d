import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

/** A file system of its own that can be filled: a tmpfs. */
export interface SmallDisk {
  readonly folder: string
  /** Takes every byte that is left. Answers how many; the system said ENOSPC then. */
  fill(): number
  /** Gives them back. */
  free(): void
  unmount(): void
}

/** Why there is none here; undefined where there is one. */
export const noSmallDisk: string | undefined =
  process.platform === 'linux' && process.getuid?.() === 0
    ? undefined
    : 'a disk that can be filled is a tmpfs, and mounting one needs root on Linux'

export function mountSmallDisk(folder: string, megabytes: number): SmallDisk {
  mkdirSync(folder, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  const filler = join(folder, 'filler')
  return {
    folder,
    fill: () => fillWith(filler),
    free: () => rmSync(filler, { force: true }),
    // Lazy: whatever still looks at it keeps it until it looks away.
    unmount: () => void execFileSync('umount', ['--lazy', folder]),
  }
}

function fillWith(path: string): number {
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
