import { Client } from 'pg'

/** Makes the tables where they are missing. Rejects when the database cannot be reached. */
export async function createTables(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl })
  try {
    await client.connect()
  } catch (cause) {
    const where = `${client.host}:${client.port}, database ${client.database ?? ''}`
    throw Object.assign(new Error(`PostgreSQL at ${where} cannot be used`, { cause }), {
      next: 'Start it, mend DATABASE_URL, or unset DATABASE_URL for a PostgreSQL of its own.',
    })
  }
  try {
    await client.query(tables)
  } finally {
    await client.end()
  }
}

/**
 * The tables of the example, in a schema of their own. `create … if not exists` is enough for an example that is
 * thrown away; a real system numbers its migrations.
 */
const tables = `
create schema if not exists campaigns;

-- Every event as it came. An id names an event together with its source and tenant: senders choose both.
create table if not exists campaigns.raw_events (
  event_id text not null,
  source text not null,
  tenant_id text not null,
  campaign_id text not null,
  type text not null,
  occurred_at timestamptz not null,
  accepted_at timestamptz not null,
  data jsonb not null,
  log_partition int not null,
  log_offset bigint not null,
  primary key (event_id, source, tenant_id)
);

-- What can be published. A real system has a page on which they are made.
create table if not exists campaigns.campaigns (
  tenant_id text not null,
  campaign_id text not null,
  live boolean not null default false,
  primary key (tenant_id, campaign_id)
);
insert into campaigns.campaigns (tenant_id, campaign_id) select 'demo', 'c' || n from generate_series(1, 8) n
  on conflict do nothing;

-- When each of them went live.
create table if not exists campaigns.launches (
  event_id text not null,
  tenant_id text not null,
  campaign_id text not null,
  launched_at timestamptz not null
);

-- Events per campaign and minute.
create table if not exists campaigns.campaign_minutes (
  tenant_id text not null,
  campaign_id text not null,
  type text not null,
  minute timestamptz not null,
  count bigint not null,
  primary key (tenant_id, campaign_id, type, minute)
);

-- Events per country, device and minute. Their sum is that of campaign_minutes, whatever failed on the way.
create table if not exists campaigns.segment_minutes (
  tenant_id text not null,
  country text not null,
  device text not null,
  type text not null,
  minute timestamptz not null,
  count bigint not null,
  primary key (tenant_id, country, device, type, minute)
);

-- How suspicious a visitor's minute at a campaign was: any bot, or more clicks than a person makes.
create table if not exists campaigns.fraud_scores (
  tenant_id text not null,
  campaign_id text not null,
  visitor text not null,
  minute timestamptz not null,
  clicks bigint not null,
  bot_events bigint not null,
  score int not null generated always as (least(100, bot_events * 50 + greatest(0, clicks - 10) * 10)) stored,
  primary key (tenant_id, campaign_id, visitor, minute)
);
`
