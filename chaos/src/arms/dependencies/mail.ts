/** A mail server over HTTP. Its list of mails is the truth about who got one: it is asked after the run. */
import { appendFile, readFile } from 'node:fs/promises'
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'

const { port, file } = given<{ port: number; file: string }>()

await serve({
  port,
  routes(server) {
    server.post('/mails', async (request, reply) => {
      await appendFile(file, `${JSON.stringify(request.body)}\n`)
      return reply.code(202).send()
    })
    server.get('/mails', () => readFile(file, { encoding: 'utf8', flag: 'a+' }))
  },
})
