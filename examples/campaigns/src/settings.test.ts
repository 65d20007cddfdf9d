import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { readSettings } from './settings.ts'

describe('settings of npm start', () => {
  it('has these defaults', () => {
    expect(readSettings({}, [])).toEqual({
      port: 4300,
      adminPort: 4310,
      adminTokens: [],
      dataDir: '.holdfast',
      databaseUrl: undefined,
      brokers: undefined,
      trafficPerSecond: 5,
      reset: false,
      yes: false,
    })
  })

  it('takes everything from the environment', () => {
    const env = {
      HOLDFAST_PORT: '1',
      HOLDFAST_ADMIN_PORT: '0',
      HOLDFAST_ADMIN_TOKENS: 'ada:viewer:a-token-of-ada-1',
      HOLDFAST_DATA: '/tmp/x',
      DATABASE_URL: 'postgres://a:b@localhost:5433/c',
      KAFKA_BROKERS: 'localhost:9092,[::1]:9093',
    }
    expect(readSettings(env, ['--no-traffic', '--yes'])).toEqual({
      port: 1,
      adminPort: 0,
      adminTokens: [{ name: 'ada', role: 'viewer', token: 'a-token-of-ada-1' }],
      dataDir: '/tmp/x',
      databaseUrl: env.DATABASE_URL,
      brokers: ['localhost:9092', '[::1]:9093'],
      trafficPerSecond: 0,
      reset: false,
      yes: true,
    })
  })

  it.each(['x', '-1', '65536', '4300.5', ' 1'])('refuses the port %j, naming the variable', port => {
    expect(() => readSettings({ HOLDFAST_PORT: port }, [])).toThrow(/HOLDFAST_PORT must be a whole number/)
  })

  it.each([
    'postgres://a:b@db.example/prod',
    'postgres://a:b@localhost/prod?host=db.example',
    'postgres://a:b@127.0.0.1.example/prod',
  ])('touches a database on another machine only when told twice: %s', url => {
    const env = { DATABASE_URL: url }
    expect(() => readSettings(env, [])).toThrow(
      expect.objectContaining({
        code: 'CONFIRMATION_NEEDED',
        detail: expect.stringMatching(/another machine \([^ ]*\.example, database prod\)/),
      }),
    )
    expect(readSettings(env, ['--yes']).databaseUrl).toBe(url)
  })

  it('touches a Kafka on another machine only when told twice, and never with --reset', () => {
    const env = { KAFKA_BROKERS: '127.0.0.1:9092,kafka.example:9092' }
    expect(() => readSettings(env, [])).toThrow(
      expect.objectContaining({
        code: 'CONFIRMATION_NEEDED',
        detail: expect.stringContaining('(kafka.example:9092)'),
      }),
    )
    expect(readSettings(env, ['--yes']).brokers).toHaveLength(2)
    expect(() => readSettings(env, ['--yes', '--reset'])).toThrow(/nothing on the Kafka/)
  })

  it.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]', '%2Fvar%2Frun%2Fpostgresql'])(
    'takes a database on %s as one of this machine',
    host => {
      const url = `postgres://a:b@${host}/mine`
      expect(readSettings({ DATABASE_URL: url }, []).databaseUrl).toBe(url)
    },
  )

  it('takes the host from PGHOST when the URL names none', () => {
    vi.stubEnv('PGHOST', 'db.example')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(() => readSettings({ DATABASE_URL: 'postgres:///prod' }, [])).toThrow(
      /another machine \(db\.example/,
    )
  })

  it('deletes nothing in a database that DATABASE_URL names', () => {
    const env = { DATABASE_URL: 'postgres://a:b@localhost/mine' }
    expect(() => readSettings(env, ['--reset', '--yes'])).toThrow(
      /--reset deletes what is in the data folder/,
    )
  })

  it('never repeats the password of a database', () => {
    expect(() => readSettings({ DATABASE_URL: 'postgres://a:secret@db.example/prod' }, [])).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })

  it('refuses a flag that it does not know', () => {
    expect(() => readSettings({}, ['--no-trafic'])).toThrow(/--no-trafic is not known/)
  })
})
