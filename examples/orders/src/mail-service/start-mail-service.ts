import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import process from 'node:process'

/** Starts it as a process of its own, which ends with this one at the latest. Answers what ends it before. */
export function startMailService(port: number, file: string): () => Promise<void> {
  const args = [path.join(import.meta.dirname, 'main.ts'), String(port), file]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ended = once(child, 'exit')
  return async () => {
    child.kill()
    await ended
  }
}
