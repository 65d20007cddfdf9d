/** The direct writer: POST /locations is answered when its row is committed. */
import { noVehicles, vehiclesAt } from '../../../../examples/drivers/src/vehicles.ts'
import { serve } from '../http/http-service.ts'
import { given } from '../process/in-process.ts'
import { database } from './database.ts'
import { keepLocation, readLocation, vehicleFor } from './locations.ts'

const settings = given<{ port: number; databaseUrl: string; cacheUrl?: string }>()
const db = database(settings.databaseUrl)
const vehicles = settings.cacheUrl === undefined ? noVehicles : vehiclesAt(settings.cacheUrl)

await serve({
  port: settings.port,
  routes(server) {
    server.post('/locations', async (request, reply) => {
      const event = readLocation(request.body)
      const vehicle = await vehicleFor(event, vehicles)
      await keepLocation(db, event, vehicle)
      return reply.code(201).send({ id: event.id })
    })
  },
  close: () => db.close(),
})
