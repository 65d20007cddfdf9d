import { expect, test } from 'vitest'
import { isAlive } from '../../src/server/processes.ts'
import { startChild } from './child.ts'

const idle = ['-e', 'console.log("up " + process.pid); setInterval(() => console.log("tick"), 20)']

test('a child is a process of its own; kill -9 is seen by its parent', async () => {
  const child = await startChild({ name: 'idle', args: idle })
  const [, said] = await child.line(/^up (\d+)$/)
  expect(Number(said)).toBe(child.pid)
  expect(child.pid).not.toBe(process.pid)
  expect(await child.kill()).toEqual({ pid: child.pid, code: null, signal: 'SIGKILL' })
  expect(isAlive(child.pid)).toBe(false)
})

test('a frozen child says nothing until it is thawed', async () => {
  const child = await startChild({ name: 'idle', args: idle })
  await child.line(/tick/)
  await child.freeze()
  // What was in the pipe arrives first.
  await expect.poll(() => quietFor(child.stdout, 300)).toBe(true)
  const before = child.stdout.length
  await child.thaw()
  await expect.poll(() => child.stdout.length).toBeGreaterThan(before)
})

async function quietFor(lines: readonly string[], ms: number): Promise<boolean> {
  const before = lines.length
  await new Promise(done => setTimeout(done, ms))
  return lines.length === before
}

test('waiting for a line of a child that ends without it says how it ended', async () => {
  const child = await startChild({ name: 'short', args: ['-e', 'console.error("no port"); process.exit(3)'] })
  await expect(child.line(/up/)).rejects.toThrow(
    /short ended without saying \/up\/: exit 3; it said: no port/,
  )
  await expect(child.kill()).rejects.toThrow(/short is gone already/)
})
