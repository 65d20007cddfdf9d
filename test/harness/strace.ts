import { execFileSync } from 'node:child_process'

/** Why tests that need strace to interfere with a call cannot run here, such as `fdatasync:error=EIO`; undefined: they can. */
export function whyNoStrace(inject: string): string | undefined {
  try {
    execFileSync('strace', ['-qq', '-e', `inject=${inject}`, '-o', '/dev/null', 'true'])
    return undefined
  } catch {
    return 'strace that may trace'
  }
}
