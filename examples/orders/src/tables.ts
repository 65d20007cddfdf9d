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

/** Nothing forbids an order to stand twice in the first two: that it does not is the promise of the groups. */
const tables = `
create schema if not exists shop;
create table if not exists shop.charges (order_id text not null, customer text not null, cents int not null);
create table if not exists shop.reservations (order_id text not null, customer text not null, item text not null);
create table if not exists shop.stock (item text primary key, reserved bigint not null);
`
