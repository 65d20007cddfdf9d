/** The mail service of examples/orders. Its list of mails is the truth about who got one: it is asked after the run. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { mailService } from '../../../../examples/orders/src/mail-service/mail-service.ts'
import { given, obeyParent, tellUp } from '../process/in-process.ts'

const slowness = obeyParent()
const { port, file } = given<{ port: number; file: string }>()
const answer = mailService(file)

const server = createServer((req, res) => void slowness().then(() => answer(req, res)))
server.listen(port, '127.0.0.1', () => tellUp({ port: (server.address() as AddressInfo).port }))
process.once('SIGTERM', () => server.close())
