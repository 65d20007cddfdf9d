import { describe, expect, it } from 'vitest'
import { readSettings } from './settings.ts'

describe('settings of npm start', () => {
  it('has these defaults', () => {
    expect(readSettings({}, [])).toEqual({
      port: 4300,
      adminPort: 4310,
      dataDir: '.holdfast',
      databaseUrl: undefined,
      trafficPerSecond: 5,
    })
  })

  it('takes everything from the environment', () => {
    const env = {
      HOLDFAST_PORT: '1',
      HOLDFAST_ADMIN_PORT: '0',
      HOLDFAST_DATA: '/tmp/x',
      DATABASE_URL: 'postgres://a:b@localhost:5433/c',
    }
    expect(readSettings(env, ['--no-traffic'])).toEqual({
      port: 1,
      adminPort: 0,
      dataDir: '/tmp/x',
      databaseUrl: env.DATABASE_URL,
      trafficPerSecond: 0,
    })
  })

  it.each(['x', '-1', '65536', '4300.5', ' 1'])('refuses the port %j, naming the variable', port => {
    expect(() => readSettings({ HOLDFAST_PORT: port }, [])).toThrow(/HOLDFAST_PORT must be a whole number/)
  })

  it('touches a database on another machine only when told twice', () => {
    const env = { DATABASE_URL: 'postgres://a:b@db.example/prod' }
    expect(() => readSettings(env, [])).toThrow(/another machine \(db\.example, database prod\)/)
    expect(readSettings(env, ['--yes']).databaseUrl).toBe(env.DATABASE_URL)
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
