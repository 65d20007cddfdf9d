import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Logger, Random } from '../event/index.ts'
import { problemAnswer } from './answers.ts'
import type { CollectObserver } from './observer.ts'

/** A route, or a whole app, of somebody else on the port of the collector: as `node:http` calls it. */
export type Otherwise = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>

export interface OtherwiseParts {
  readonly otherwise: Otherwise
  readonly stopping: () => boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly observer: CollectObserver
}

/** Hands one request over. Resolves when it is answered or its connection is gone. Never rejects. */
export async function answerOtherwise(
  { otherwise, stopping, clock, random, logger, observer }: OtherwiseParts,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const from = clock.monotonic()
  const over = new Promise<void>(resolve => res.once('close', resolve))
  res.on('error', () => {}) // a sender that goes away; its route sees it by 'close'
  if (stopping()) res.setHeader('connection', 'close')
  try {
    await otherwise(req, res)
  } catch (error) {
    logger.error({ err: error }, 'a route beside those of the collector failed')
    if (res.headersSent) res.destroy()
    else {
      const { status, headers, body } = problemAnswer(
        { code: 'internal_error', detail: 'the cause is in the process log' },
        random,
      )
      res.writeHead(status, headers).end(body)
    }
  }
  await over
  observer.answered?.({ route: 'other', status: res.statusCode, seconds: (clock.monotonic() - from) / 1000 })
}
