// The mail service as a process: node mail-service/main.ts PORT FILE
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { mailService } from './mail-service.ts'

const [port = '0', file = 'mails.ndjson'] = process.argv.slice(2)
const server = createServer(mailService(file)).listen(Number(port), '127.0.0.1', () => {
  process.stdout.write(`mail service on ${(server.address() as AddressInfo).port}\n`)
})
// A Ctrl-C in the terminal is for the shop, which is still sending while it drains. This one ends with it.
process.on('SIGINT', () => {})
process.once('disconnect', () => process.exit())
