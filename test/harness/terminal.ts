import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The shell that script(1) starts, whatever this machine has set or not. */
const shell = { SHELL: '/bin/sh' }

/** What a terminal makes of this key. */
export const CTRL_C = '\u0003'

/** Why no command can be run in a terminal here; undefined where one can. The script(1) of util-linux is meant. */
export const noTerminal: string | undefined =
  spawnSync('script', ['-qfec', 'true', '/dev/null'], { env: { ...process.env, ...shell } }).status === 0
    ? undefined
    : 'there is no script(1) of util-linux'

export interface Terminal {
  /** Everything that was printed so far. */
  readonly screen: () => string
  readonly type: (text: string) => void
  /** Resolves with the exit code of the command; 128 and more for a signal. */
  readonly ended: Promise<number | null>
  /** Takes the terminal away from whatever runs in it. */
  readonly hangUp: () => Promise<void>
}

/**
 * Runs one command in a terminal of its own, in the root of the project. In the place of the shell: some shells (dash) take
 * part in a Ctrl-C, and end with 130 after a command that ended with 0.
 */
export function inTerminal(command: string, env: Readonly<Record<string, string | undefined>>): Terminal {
  const child = spawn('script', ['-qfec', `exec ${command}`, '/dev/null'], {
    cwd: root,
    env: { ...process.env, ...env, ...shell },
  })
  let screen = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (screen += text.replaceAll('\r', '')))
  child.stdin.on('error', () => {}) // typed after its end
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  return {
    screen: () => screen,
    type: text => void child.stdin.write(text),
    ended,
    async hangUp() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
