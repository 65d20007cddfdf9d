import type { ShopApp } from '../app.ts'
import { orders, payments } from '../events.ts'

/**
 * Charges each order once. The charge, the event that says so and the proof that this order was dealt with commit
 * together: after a crash in between there are all of them or none.
 */
export function payment(app: ShopApp): void {
  app
    .consumer('payment', orders, { from: 'earliest' })
    .effect('order.created', async ({ id, data: { customer, cents } }, tx) => {
      await tx.query('insert into shop.charges (order_id, customer, cents) values ($1, $2, $3)', [
        id,
        customer,
        cents,
      ])
      await tx.publish(payments, 'payment.processed', { customer, order: id, cents })
    })
}
