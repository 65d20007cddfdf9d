import { expect } from 'vitest'
import { isHoldfastError } from '../../../event/index.ts'
import type { Tx } from '../../port.ts'
import type { SinkPromise } from '../harness.ts'
import { door, rejection } from '../world.ts'

export const transactionPromises: readonly SinkPromise[] = [
  {
    promise: 'answers failed, and leaves neither effect nor proof, when the handler throws after its effect',
    async keeps(world) {
      const lease = await world.lease()
      const record = world.record('a')
      const [outcome] = await world.apply(lease, [record], async tx => {
        await world.insertEffect(tx, ['a'])
        throw new RangeError('no')
      })
      expect(outcome).toEqual({ kind: 'failed', error: new RangeError('no') })
      expect(await world.effects()).toEqual([])
      expect(await world.kinds(lease, [record])).toEqual(['applied'])
    },
  },
  {
    promise: 'shows nothing of the effect to others before it commits',
    async keeps(world) {
      const lease = await world.lease()
      const inside = door()
      const applied = world.kinds(lease, [world.record('a')], async tx => {
        await world.insertEffect(tx, ['a'])
        await inside.pass()
      })
      await inside.reached
      expect(await world.effects()).toEqual([])
      inside.open()
      expect(await applied).toEqual(['applied'])
      expect(await world.effects()).toEqual(['a'])
    },
  },
  ...[0, 1, 2].map((statements): SinkPromise => ({
    promise: `hazard 58: applies once when the connection dies after statement ${statements} of the handler`,
    async keeps(world) {
      const lease = await world.lease()
      let runs = 0
      const outcome = await world.kinds(lease, [world.record('a')], async tx => {
        for (let i = 0; i < statements; i++) await world.insertEffect(tx, [`part ${i}`])
        if (++runs === 1) await world.under.cut(tx)
        for (let i = statements; i < 2; i++) await world.insertEffect(tx, [`part ${i}`])
      })
      expect(outcome).toEqual(['applied'])
      expect(runs, 'the fault was seen').toBe(2)
      expect(await world.effects()).toEqual(['part 0', 'part 1'])
    },
  })),
  {
    promise: 'does not run a handler again that could not reach another service',
    async keeps(world) {
      const lease = await world.lease()
      const record = world.record('a')
      let runs = 0
      const outcome = await world
        .apply(lease, [record], async tx => {
          runs++
          await world.insertEffect(tx, ['a'])
          throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
        })
        .catch((error: unknown) => [{ kind: 'failed', error }])
      expect(outcome).toMatchObject([{ kind: 'failed', error: { code: 'ECONNREFUSED' } }])
      expect(runs).toBe(1)
      expect(await world.effects()).toEqual([])
      expect(await world.kinds(lease, [record])).toEqual(['applied'])
    },
  },
  {
    promise: 'hazard 64: a handler that swallowed the error of a statement has applied nothing',
    async keeps(world) {
      const lease = await world.lease()
      const record = world.record('a')
      const [outcome] = await world.apply(lease, [record], async tx => {
        await world.insertEffect(tx, ['a'])
        await tx.query('select 1 / 0').catch(() => {})
      })
      expect(outcome?.kind).toBe('failed')
      expect(outcome?.kind === 'failed' && isHoldfastError(outcome.error, 'SINK_ROLLED_BACK')).toBe(true)
      expect(await world.effects()).toEqual([])
      expect(await world.kinds(lease, [record])).toEqual(['applied'])
    },
  },
  {
    promise: 'a statement that the handler did not wait for fails its event, not the process',
    async keeps(world) {
      const lease = await world.lease()
      const outcome = await world.kinds(lease, [world.record('a')], async tx => {
        await world.insertEffect(tx, ['a'])
        void tx.query('select 1 / 0')
      })
      expect(outcome).toEqual(['failed'])
      expect(await world.effects()).toEqual([])
    },
  },
  {
    promise: 'refuses a statement after the handler has returned',
    async keeps(world) {
      const lease = await world.lease()
      let kept: Tx | undefined
      await world.kinds(lease, [world.record('a')], async tx => {
        kept = tx
      })
      expect(await rejection(kept?.query('select 1') ?? Promise.resolve())).toBe('SINK_TX_ENDED')
    },
  },
  {
    promise:
      'ends at once when the signal aborts, also under a handler that never returns, and leaves nothing',
    async keeps(world) {
      const lease = await world.lease()
      const stop = new AbortController()
      const inside = door()
      const record = world.record('a')
      const applied = world.kinds(
        lease,
        [record],
        async tx => {
          await world.insertEffect(tx, ['a'])
          await inside.pass()
        },
        { signal: stop.signal },
      )
      await inside.reached
      stop.abort(new Error('stopped'))
      await expect(applied).rejects.toThrow('stopped')
      expect(await world.kinds(lease, [record])).toEqual(['applied'])
      expect(await world.effects()).toEqual(['a'])
    },
  },
  {
    promise: 'stops a statement that runs in the server when the signal aborts',
    async keeps(world) {
      const lease = await world.lease()
      const stop = new AbortController()
      const applied = world.kinds(
        lease,
        [world.record('a')],
        async tx => {
          setTimeout(() => stop.abort(new Error('stopped')), 50)
          await tx.query(`select pg_sleep(20) /* ${world.group} */`)
        },
        { signal: stop.signal },
      )
      await expect(applied).rejects.toThrow('stopped')
      await expect
        .poll(
          () =>
            world.under.query(
              `select from pg_stat_activity where query like '%' || $1 || '%' and pid <> pg_backend_pid()`,
              [`/* ${world.group} */`],
            ),
          { timeout: 10_000 },
        )
        .toEqual([])
    },
  },
  {
    promise: 'hazard 52: tells bad data from an outage, and leaves the values out of the error',
    async keeps(world) {
      const lease = await world.lease()
      await world.under.query('create table if not exists person (email text primary key)')
      const email = `${world.group}@example.org`
      await world.under.query('insert into person values ($1)', [email])
      const statements = [
        ['insert into person values ($1)', email],
        ['select $1::int', email],
      ]
      for (const [sql = '', value] of statements) {
        const [outcome] = await world.apply(lease, [world.record('a')], async tx => {
          await tx.query(sql, [value])
        })
        const error = outcome?.kind === 'failed' ? outcome.error : undefined
        expect(world.sink.isBadData(error)).toBe(true)
        expect(world.sink.isOutage(error)).toBe(false)
        const kept = JSON.stringify(error, Object.getOwnPropertyNames(error))
        expect(kept).toContain('code')
        expect(kept).not.toContain(email)
      }
    },
  },
]
