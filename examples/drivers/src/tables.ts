import { Client } from 'pg'

/** Makes the tables where they are missing. Rejects when the database cannot be reached. */
export async function createTables(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(tables)
  } finally {
    await client.end()
  }
}

const tables = `
create schema if not exists drivers;

-- Every location, in the order in which it was applied. Nothing forbids an id to stand here twice: that it does not
-- is the promise of the consumer group.
create table if not exists drivers.positions (
  seq bigint generated always as identity primary key,
  id text not null,
  driver text not null,
  speed real not null constraint nobody_drives_so_fast check (speed <= 400),
  vehicle text,
  payload text not null,
  log_partition int,
  log_offset bigint
);

-- The last location of each driver, the highest speed so far, and how many locations there were.
create table if not exists drivers.latest (
  driver text primary key,
  lat double precision not null,
  lon double precision not null,
  top_speed real not null constraint nobody_drove_so_fast check (top_speed <= 400),
  at timestamptz not null,
  updates bigint not null
);
`
