import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isHoldfastError } from '../../event/index.ts'
import { importPg } from './client.ts'
import { resolvePostgresOptions, type PostgresOptions } from './options.ts'
import { postgres } from './postgres.ts'

function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    return isHoldfastError(error, 'CONFIG_INVALID') ? error.detail : String(error)
  }
  return 'taken'
}

describe('postgres()', () => {
  it('says where it is without user and password', () => {
    expect(postgres('postgres://me:secret@db.example:5433/app?sslmode=require').where).toBe(
      'db.example:5433/app',
    )
  })

  it.each([undefined, '', 'not a url', 'mysql://secret@host/app'])('refuses %s without repeating it', url => {
    const said = refusal(() => postgres(url))
    expect(said).toContain('postgres://user:password@host:5432/app')
    expect(said).not.toContain('secret')
  })

  it('fills every option', () => {
    expect(resolvePostgresOptions()).toEqual({
      name: 'postgres',
      maxConnections: 10,
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 30_000,
      lockTimeoutMs: 5_000,
      takeOverGraceMs: 500,
      retryWindowMs: 3_600_000,
      inboxKeptMs: 172_800_000,
    })
  })

  it.each<[PostgresOptions, string]>([
    [{ name: 'My DB' }, 'name must be a short lower-case name, got My DB'],
    [{ maxConnections: 0 }, 'maxConnections must be from 1 to 1000, got 0'],
    [{ lockTimeout: '31s' }, 'lockTimeout must be from 1 to 30000, got 31000'],
    [{ statementTimeout: '0ms' }, 'statementTimeout must be from 1'],
    [{ takeOverGrace: '0.5ms' }, 'takeOverGrace must be from 1'],
    [{ retryWindow: '2d' }, 'retryWindow must be from 0'],
    [{ inboxKept: '1h' }, 'inboxKept must be from'],
    [{ connectTimeout: '5 s' }, 'connectTimeout must be a duration'],
  ])('refuses %o by name, bound and value', (options, said) => {
    expect(refusal(() => postgres('postgres://h/d', options))).toContain(said)
  })

  it('names package and range when pg is not installed', async () => {
    const packageFile = join(import.meta.dirname, '../../../package.json')
    const { peerDependencies } = JSON.parse(readFileSync(packageFile, 'utf8')) as {
      peerDependencies: Record<string, string>
    }
    const missing = importPg(() => Promise.reject(new Error(`Cannot find package 'pg'`)))
    const detail = `npm install pg@'${peerDependencies['pg']}'`
    await expect(missing).rejects.toMatchObject({ code: 'SINK_PACKAGE_MISSING', detail })
  })
})
