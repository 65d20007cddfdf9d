import process from 'node:process'
import { fastify, type FastifyInstance } from 'fastify'
import { obeyParent, tellUp } from '../process/in-process.ts'
import { answerOf } from './failure.ts'

export interface HttpServiceOptions {
  /** 0 takes any free one. */
  readonly port: number
  readonly routes: (server: FastifyInstance) => void
  /** Called when the last request is answered. */
  readonly close?: () => Promise<void>
}

/** A server of an arm: answers what its routes return, failures as {@link answerOf} says, and ends on SIGTERM. */
export async function serve({ port, routes, close }: HttpServiceOptions): Promise<void> {
  const slowness = obeyParent()
  const server = fastify({ forceCloseConnections: 'idle' })
  server.addHook('onRequest', slowness)
  server.setErrorHandler((error, _request, reply) => {
    const { status, body } = answerOf(error)
    return reply.code(status).send(body)
  })
  server.get('/healthz', () => 'ok')
  routes(server)
  await server.listen({ port, host: '127.0.0.1' })
  process.once('SIGTERM', () => void server.close().then(close))
  const address = server.server.address()
  tellUp({ port: typeof address === 'object' ? (address?.port ?? 0) : 0 })
}
