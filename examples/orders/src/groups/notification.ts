import type { BreakerOptions, Duration } from 'holdfast'
import type { ShopApp } from '../app.ts'
import { orders, payments, users } from '../events.ts'
import { MailServiceAway, type Mailer } from '../mailer.ts'

export interface NotificationWaits {
  readonly retry: readonly Duration[]
  readonly breaker: BreakerOptions
}

/**
 * Writes to customers. The mail service is not ours and may be away for an hour: then nothing is taken from the log, no
 * attempt is spent and nothing dies, and when it is back everybody gets their mail. Every sending of one mail has the
 * same key, so that a mail service that knows keys sends it once.
 */
export function notification(app: ShopApp, mailer: Mailer, waits?: NotificationWaits): void {
  app
    .consumer('notification', [users, orders, payments], {
      from: 'earliest',
      needs: { mail: { probe: signal => mailer.probe(signal), breaker: waits?.breaker ?? {} } },
      onError: error => (error instanceof MailServiceAway ? { pause: 'mail' } : undefined),
      ...(waits && { retry: waits.retry }),
    })
    .on('user.registered', ({ id, data }, { idempotencyKey, signal }) =>
      mailer.send({ to: data.customer, template: 'welcome', about: id, data }, idempotencyKey, signal),
    )
    .on('order.created', ({ id, data }, { idempotencyKey, signal }) =>
      mailer.send({ to: data.customer, template: 'order', about: id, data }, idempotencyKey, signal),
    )
    .on('payment.processed', ({ data }, { idempotencyKey, signal }) =>
      mailer.send(
        { to: data.customer, template: 'receipt', about: data.order, data },
        idempotencyKey,
        signal,
      ),
    )
}
