import type { ShopApp } from '../app.ts'
import { orders } from '../events.ts'

/** Takes one piece of each ordered item out of the stock, once. It knows nothing of payment, nor payment of it. */
export function inventory(app: ShopApp): void {
  app
    .consumer('inventory', orders, { from: 'earliest' })
    .effect('order.created', async ({ id, data: { customer, item } }, tx) => {
      await tx.query('insert into shop.reservations (order_id, customer, item) values ($1, $2, $3)', [
        id,
        customer,
        item,
      ])
      // Last, because orders for the same item wait here for each other until they commit.
      await tx.query(
        `insert into shop.stock as kept (item, reserved) values ($1, 1)
           on conflict (item) do update set reserved = kept.reserved + 1`,
        [item],
      )
    })
}
