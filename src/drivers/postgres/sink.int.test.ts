import { testDatabase } from '../../../test/postgres.ts'
import { describeSink } from '../../sink/suite/index.ts'
import { sinkUnderTest } from '../../../test/sink-under-test.ts'

const database = testDatabase()

describeSink('postgres', () => sinkUnderTest(database.url))
