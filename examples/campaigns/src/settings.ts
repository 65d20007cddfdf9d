import { HoldfastError } from 'holdfast'
import { portSetting, tokensFrom, type AccessToken } from 'holdfast/server'
import { Client } from 'pg'

/** How `npm start` runs, from the environment and the command line. */
export interface Settings {
  /** `HOLDFAST_PORT`. Defaults to 4300. */
  readonly port: number
  /** `HOLDFAST_ADMIN_PORT`. Defaults to 4310. */
  readonly adminPort: number
  /** `HOLDFAST_ADMIN_TOKENS`: who may use the admin side. Without any, whoever is on this machine. */
  readonly adminTokens: readonly AccessToken[]
  /** `HOLDFAST_DATA`: where the log and the local PostgreSQL keep their files. Defaults to `.holdfast`. */
  readonly dataDir: string
  /** `DATABASE_URL`. Undefined: a PostgreSQL is started in the data folder. */
  readonly databaseUrl: string | undefined
  /** `KAFKA_BROKERS`, `host:port,…`: the log is there. Undefined: a log in the data folder. */
  readonly brokers: readonly string[] | undefined
  /** Sample events per second; 0 with `--no-traffic`. */
  readonly trafficPerSecond: number
  /** `--reset`: what the data folder holds is deleted first. */
  readonly reset: boolean
  /** `--yes`: nothing is asked. */
  readonly yes: boolean
}

export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[],
): Settings {
  const known = ['--no-traffic', '--reset', '--yes']
  const unknown = args.find(arg => !known.includes(arg))
  if (unknown !== undefined) throw invalid(`${unknown} is not known; there are ${known.join(', ')}`)
  const yes = args.includes('--yes')
  const databaseUrl = env['DATABASE_URL'] === '' ? undefined : env['DATABASE_URL']
  const reset = args.includes('--reset')
  if (databaseUrl !== undefined && reset) {
    throw invalid(
      '--reset deletes what is in the data folder, and nothing in the database that DATABASE_URL names. Unset it, or ' +
        'drop the schemas holdfast and campaigns there and delete the data folder yourself',
    )
  }
  const brokers = env['KAFKA_BROKERS'] ? env['KAFKA_BROKERS'].split(',') : undefined
  if (brokers !== undefined && reset) {
    throw invalid(
      '--reset deletes what is in the data folder, and nothing on the Kafka that KAFKA_BROKERS names. Unset it, or delete ' +
        'the topics and groups there and the data folder yourself',
    )
  }
  if (databaseUrl !== undefined) checkDatabaseUrl(databaseUrl, yes)
  if (brokers !== undefined) checkBrokers(brokers, yes)
  return {
    port: portSetting(env, 'HOLDFAST_PORT', 4300),
    adminPort: portSetting(env, 'HOLDFAST_ADMIN_PORT', 4310),
    adminTokens: tokensFrom(env['HOLDFAST_ADMIN_TOKENS']),
    dataDir: env['HOLDFAST_DATA'] || '.holdfast',
    databaseUrl,
    brokers,
    trafficPerSecond: args.includes('--no-traffic') ? 0 : 5,
    reset,
    yes,
  }
}

/** A shell may hold the address of a database that nobody meant to try an example on. */
function checkDatabaseUrl(url: string, yes: boolean): void {
  if (!URL.canParse(url))
    throw invalid('DATABASE_URL is not a URL such as postgres://user:password@localhost/name')
  // The client's own reading: the host may stand in the query or in PGHOST as well.
  const { host, database = '' } = new Client({ connectionString: url })
  if (isThisMachine(host) || yes) return
  throw new HoldfastError('CONFIRMATION_NEEDED', {
    detail:
      `DATABASE_URL points to another machine (${host}, database ${database}). The example makes the schemas ` +
      'holdfast and campaigns there; start with `npm start -- --yes` if that is meant, or unset DATABASE_URL for a ' +
      'PostgreSQL of its own',
  })
}

function checkBrokers(brokers: readonly string[], yes: boolean): void {
  const elsewhere = brokers.find(
    broker => !isThisMachine(broker.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')),
  )
  if (elsewhere === undefined || yes) return
  throw new HoldfastError('CONFIRMATION_NEEDED', {
    detail:
      `KAFKA_BROKERS points to another machine (${elsewhere}). The example makes topics and groups there; start with ` +
      '`npm start -- --yes` if that is meant, or unset KAFKA_BROKERS for a log of its own',
  })
}

/** A host that begins with `/` is the folder of a socket. */
function isThisMachine(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|::1|\[::1\]|\/.*)$/.test(host)
}

function invalid(detail: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { detail })
}
