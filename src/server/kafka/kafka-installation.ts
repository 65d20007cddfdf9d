import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { HoldfastError, silentLogger, type Logger } from '../../event/index.ts'
import { isAlive } from '../processes.ts'

/** What is fetched and started. */
export const KAFKA_VERSION = '4.1.0'

/** Its broker needs this Java; its clients would do with less. */
const OLDEST_JAVA = 17

/** A Kafka that can be started: its jars, and a Java for them. */
export interface KafkaInstallation {
  readonly java: string
  /** For `java -cp`. */
  readonly classPath: string
  readonly version: string
}

export interface ObtainKafkaOptions {
  readonly env?: Env
  readonly logger?: Logger
  /** Ends a download that is under way. */
  readonly signal?: AbortSignal | undefined
}

type Env = Readonly<Record<string, string | undefined>>

/** Why none can be started here, for people; undefined where one can. Looks only, and fetches nothing. */
export function kafkaMissing(env: Env = process.env): string | undefined {
  const { java, tried } = findJava(env)
  if (java === undefined) return `Kafka needs Java ${OLDEST_JAVA} or newer (${tried.join('; ')})`
  if (existsSync(cacheFolder(env)) || onPath('mvn', env) !== undefined) return undefined
  return `Kafka is fetched by Maven, and there is no mvn on PATH (${cacheFolder(env)} is not there yet)`
}

/**
 * The jars from the user's cache; the first time Maven brings them, which knows the mirrors and proxies of this
 * machine and compares every file with the checksum of its repository. Errors: `KAFKA_UNAVAILABLE`.
 */
export async function obtainKafka(options: ObtainKafkaOptions = {}): Promise<KafkaInstallation> {
  const { env = process.env, logger = silentLogger, signal } = options
  const missing = kafkaMissing(env)
  const { java } = findJava(env)
  if (missing !== undefined || java === undefined)
    throw new HoldfastError('KAFKA_UNAVAILABLE', { detail: missing ?? 'there is no Java' })
  const folder = cacheFolder(env)
  if (!existsSync(folder)) {
    logger.info({ to: folder }, `fetching Apache Kafka ${KAFKA_VERSION} (54 MB), once`)
    await fetchJars(folder, env, signal)
  }
  return { java, classPath: join(folder, '*'), version: KAFKA_VERSION }
}

/** Java reads names of files by the locale, and in the plain one knows ASCII only. */
export function javaEnv(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C.UTF-8' }
}

function cacheFolder(env: Env): string {
  const cache = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache')
  return join(cache, 'holdfast', `kafka-${KAFKA_VERSION}`)
}

/** Under another name and then moved, so that what is there is whole. */
async function fetchJars(folder: string, env: Env, signal: AbortSignal | undefined): Promise<void> {
  removeDeadDrafts(folder)
  const draft = `${folder}.new.${process.pid}`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true })
  try {
    writeFileSync(join(draft, 'pom.xml'), pom)
    await runMaven(draft, env, signal)
    try {
      renameSync(draft, folder)
    } catch (error) {
      // Another process was faster; the jars are the same.
      if (!existsSync(folder)) throw error
    }
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

function removeDeadDrafts(folder: string): void {
  const cache = join(folder, '..')
  for (const name of existsSync(cache) ? readdirSync(cache) : []) {
    const pid = /^kafka-.*\.new\.(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(join(cache, name), { recursive: true, force: true })
  }
}

/** Every version below is fixed by these: a released artifact never changes, nor what it asks for. */
const dependencies = [
  ['org.apache.kafka', 'kafka_2.13', KAFKA_VERSION],
  ['org.apache.kafka', 'kafka-tools', KAFKA_VERSION],
  ['org.apache.logging.log4j', 'log4j-slf4j-impl', '2.24.3'],
  ['org.apache.logging.log4j', 'log4j-core', '2.24.3'],
] as const
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>holdfast</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
${dependencies
  .map(
    ([group, artifact, version]) =>
      `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>\n`,
  )
  .join('')}  </dependencies>
</project>
`

async function runMaven(folder: string, env: Env, signal: AbortSignal | undefined): Promise<void> {
  const args = ['--quiet', '--batch-mode', '--strict-checksums', '-Dstyle.color=never']
  const child = spawn(
    onPath('mvn', env) ?? 'mvn',
    [...args, '-f', join(folder, 'pom.xml'), COPY, `-DoutputDirectory=${folder}`, '-DincludeScope=runtime'],
    { env, signal, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' },
  )
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)))
  const end = await new Promise<string | undefined>(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `it ended with ${code ?? signal}`))
  })
  if (end === undefined) return
  const errors = said.split('\n').filter(line => line.startsWith('[ERROR]'))
  throw new HoldfastError('KAFKA_UNAVAILABLE', {
    detail: `Maven could not fetch it: ${errors.slice(0, 2).join(' ') || said.trim() || end}`,
  })
}

/** The first Java that is new enough: that of JAVA_HOME, then that on PATH. */
function findJava(env: Env): { readonly java: string | undefined; readonly tried: readonly string[] } {
  const tried: string[] = []
  const home = env['JAVA_HOME']
  const candidates = [
    { name: 'JAVA_HOME', java: home ? join(home, 'bin', 'java') : undefined },
    { name: 'java on PATH', java: onPath('java', env) },
  ]
  for (const { name, java } of candidates) {
    const major = java === undefined ? undefined : majorOf(java)
    if (java !== undefined && major !== undefined && major >= OLDEST_JAVA) return { java, tried }
    if (major !== undefined) tried.push(`${name}: version ${major} is too old`)
    else tried.push(`${name}: ${java === undefined ? 'not there' : `${java} does not start`}`)
  }
  return { java: undefined, tried }
}

/** `17` of `openjdk version "17.0.15"`, and 8 of `"1.8.0_392"`. */
function majorOf(java: string): number | undefined {
  try {
    const text = execFileSync(java, ['--version'], {
      encoding: 'utf8',
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return Number(/\d+/.exec(text)?.[0])
  } catch (error) {
    // A Java 8 does not know the option, and says so.
    return typeof (error as { status?: unknown }).status === 'number' ? 8 : undefined
  }
}

function onPath(name: string, env: Env): string | undefined {
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name]
  const folders = (env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '')
  return folders.flatMap(folder => names.map(name => join(folder, name))).find(file => existsSync(file))
}
