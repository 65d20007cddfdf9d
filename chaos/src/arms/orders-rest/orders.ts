/** Takes orders, and has them paid, reserved and confirmed before it answers. */
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { hopTo } from '../http/hop.ts'
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'
import { readOrder, type Order } from './order.ts'

const settings = given<{
  port: number
  payment: string
  inventory: string
  notification: string
  spelling: 'fail' | 'retry' | 'swallow'
}>()
const charge = hopTo(settings.payment, 2_250)
const reserve = hopTo(settings.inventory, 2_250)
const notify = hopTo(settings.notification, 2_250)

/** The three ways in which code that calls a service is written. */
const notifyAs: Record<typeof settings.spelling, (order: Order) => Promise<void>> = {
  fail: notify,
  async retry(order) {
    for (const pauseMs of [200, 400]) {
      try {
        return await notify(order)
      } catch {
        await wait(pauseMs)
      }
    }
    return notify(order)
  },
  async swallow(order) {
    await notify(order).catch((error: unknown) => {
      process.stderr.write(`no mail for order ${order.id}: ${String(error)}\n`)
    })
  },
}

await serve({
  port: settings.port,
  routes(server) {
    server.post('/orders', async (request, reply) => {
      const order = readOrder(request.body)
      await charge(order)
      await reserve(order)
      await notifyAs[settings.spelling](order)
      return reply.code(201).send({ id: order.id })
    })
  },
})
