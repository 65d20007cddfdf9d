import { spawn } from 'node:child_process'
import { javaEnv, type KafkaInstallation } from './kafka-installation.ts'

export interface ToolRun {
  /** 0 when it did what it was asked. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ToolOptions {
  readonly input?: string
  readonly cwd?: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs one of Kafka's own programs by its class, such as `org.apache.kafka.tools.TopicCommand`: a Java of its own,
 * tuned to start fast and end soon.
 */
export function runKafkaTool(
  { java, classPath }: KafkaInstallation,
  mainClass: string,
  args: readonly string[],
  { input = '', cwd, signal }: ToolOptions = {},
): Promise<ToolRun> {
  const flags = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto']
  // Its logging library would otherwise complain about a missing configuration.
  const quiet = ['-Dlog4j2.level=ERROR', '-Dlog4j2.statusLoggerLevel=OFF']
  const child = spawn(java, [...flags, ...quiet, '-cp', classPath, mainClass, ...args], {
    cwd,
    env: javaEnv(),
    signal,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (said[name] += text))
  // It may end before it has read everything.
  child.stdin.on('error', () => {}).end(input)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, ...said }))
  })
}
