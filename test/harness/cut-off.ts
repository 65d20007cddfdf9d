import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import process from 'node:process'
import { isAlive } from '../../src/server/processes.ts'

/** A host of its own on this machine: a network namespace with one cable to the rest, which can be pulled. */
export interface OtherHost {
  /** Address of this machine as the other host sees it. */
  readonly outside: string
  /** Its own address. */
  readonly inside: string
  /** Goes before a command that is to run there. */
  readonly prefix: readonly string[]
  /** From now on nothing goes in or out; nobody is told. */
  cut(): void
  heal(): void
  /** When nothing runs there any more. */
  remove(): void
}

/** Why there is none here; undefined where there is one. */
export const noOtherHost: string | undefined =
  process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('ip', ['netns', 'list']).status === 0
    ? undefined
    : 'network namespaces need root and ip (iproute2) on Linux'

const NAMED = /^holdfast-(\d+)$/

/** One for each test process. */
export function otherHost(): OtherHost {
  removeOfDead()
  const namespace = `holdfast-${process.pid}`
  const cable = `hf${process.pid}`
  const net = `10.${200 + (process.pid % 50)}.${Math.floor(process.pid / 50) % 256}`
  const [outside, inside] = [`${net}.1`, `${net}.2`]
  ip('netns', 'add', namespace)
  ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  ip('addr', 'add', `${outside}/30`, 'dev', cable)
  ip('link', 'set', cable, 'up')
  ip('-n', namespace, 'addr', 'add', `${inside}/30`, 'dev', 'eth0')
  ip('-n', namespace, 'link', 'set', 'lo', 'up')
  ip('-n', namespace, 'link', 'set', 'eth0', 'up')
  return {
    outside,
    inside,
    prefix: ['ip', 'netns', 'exec', namespace],
    // The inner end: with the outer one down its route is gone, and packets would leave by the default route.
    cut: () => ip('-n', namespace, 'link', 'set', 'eth0', 'down'),
    heal: () => ip('-n', namespace, 'link', 'set', 'eth0', 'up'),
    remove: () => ip('netns', 'del', namespace),
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** Those of test processes that were killed. */
function removeOfDead(): void {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : []
  for (const name of names.filter(name => NAMED.test(name))) {
    if (!isAlive(Number(NAMED.exec(name)?.[1]))) ip('netns', 'del', name)
  }
}
