/**
 * The schema `holdfast`, as numbered texts that never change once released: a mistake is mended by the next number.
 * Read with protocols in hand: the lock on a lease is the advisory lock (4242, lease), never its row, because sharers
 * of a row lock starve the one who wants it alone.
 */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'fence, inbox, applied offsets',
    sql: `
-- A consumer group in one generation. A replay that reprocesses opens the next generation, whose inbox is empty.
create table holdfast.grp (
  grp int generated always as identity primary key,
  name text not null,
  generation int not null,
  unique (name, generation)
);

-- Who may write for a partition of a group. The epoch rises with each take-over; generations share it.
create table holdfast.lease (
  lease int generated always as identity primary key,
  name text not null,
  topic text not null,
  partition int not null,
  epoch bigint not null default 0,
  owner text not null default '',
  taken_at timestamptz not null default now(),
  unique (name, topic, partition)
);

-- Every offset below it was settled: a lower bound, raised now and then.
create table holdfast.applied (
  lease int not null references holdfast.lease,
  grp int not null references holdfast.grp,
  below bigint not null default 0,
  primary key (lease, grp)
) with (fillfactor = 50);

-- Ids that were applied. bucket: days since 1970 of the accept time that the record carries, so that a redelivery
-- always meets its row. id: the first 16 bytes of sha256(source, newline, id).
create table holdfast.inbox (
  bucket int not null,
  grp int not null,
  id uuid not null,
  primary key (bucket, grp, id)
) partition by list (bucket);

-- Days of a group that were dropped: nobody knows any more what was applied of them.
create table holdfast.pruned (
  grp int not null references holdfast.grp,
  bucket int not null,
  primary key (grp, bucket)
);

create function holdfast.register(p_name text, p_generation int, p_topic text, p_partition int)
returns table (lease int, grp int) language plpgsql volatile as $$
#variable_conflict use_column
begin
  insert into holdfast.grp (name, generation) select p_name, p_generation
    where not exists (select from holdfast.grp g where g.name = p_name and g.generation = p_generation)
    on conflict do nothing;
  insert into holdfast.lease (name, topic, partition) select p_name, p_topic, p_partition
    where not exists (select from holdfast.lease l
      where l.name = p_name and l.topic = p_topic and l.partition = p_partition)
    on conflict do nothing;
  select l.lease, g.grp into strict lease, grp from holdfast.lease l, holdfast.grp g
    where l.name = p_name and l.topic = p_topic and l.partition = p_partition
      and g.name = p_name and g.generation = p_generation;
  insert into holdfast.applied (lease, grp) values (lease, grp) on conflict do nothing;
  return next;
end $$;

-- Volatile, and lock and read in two statements: the lease must be read after the wait for the lock. A stable
-- function, one statement for both, or a stricter isolation would read it as it was before, and let a former owner in.
create function holdfast.fence(p_lease int, p_epoch bigint) returns void language plpgsql volatile as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'holdfast needs read committed' using errcode = 'HF002';
  end if;
  perform pg_advisory_xact_lock_shared(4242, p_lease);
  perform 1 from holdfast.lease l where l.lease = p_lease and l.epoch = p_epoch;
  if not found then
    raise exception 'lease % has another epoch than %', p_lease, p_epoch using errcode = 'HF001';
  end if;
end $$;

-- Answers the rows that were not there. Sorted, because two batches that take the same ids in another order deadlock.
-- The days are looked at after the insert: a day that was dropped and made again in between is noticed.
create function holdfast.begin_batch(p_lease int, p_epoch bigint, p_grp int, p_below bigint, p_buckets int[], p_ids uuid[])
returns table (bucket int, id uuid) language plpgsql volatile as $$
#variable_conflict use_column
begin
  perform holdfast.fence(p_lease, p_epoch);
  return query
    insert into holdfast.inbox (bucket, grp, id)
    select u.bucket, p_grp, u.id from unnest(p_buckets, p_ids) u(bucket, id) order by u.bucket, u.id
    on conflict do nothing returning inbox.bucket, inbox.id;
  if exists (select from holdfast.pruned p where p.grp = p_grp and p.bucket = any (p_buckets)) then
    raise exception 'a day of the inbox was dropped' using errcode = 'HF003';
  end if;
  if p_below is not null then
    -- Skipping a locked row keeps concurrent transactions of one partition apart.
    with mine as (select a.lease, a.grp from holdfast.applied a
      where a.lease = p_lease and a.grp = p_grp and a.below < p_below for update skip locked)
    update holdfast.applied a set below = p_below from mine where a.lease = mine.lease and a.grp = mine.grp;
  end if;
end $$;

-- Answers the applied offset and raises it; its row lock puts the transactions of the partition in a line.
create function holdfast.begin_offsets(p_lease int, p_epoch bigint, p_grp int, p_below bigint)
returns bigint language plpgsql volatile as $$
declare former bigint;
begin
  perform holdfast.fence(p_lease, p_epoch);
  select a.below into strict former from holdfast.applied a where a.lease = p_lease and a.grp = p_grp for update;
  update holdfast.applied a set below = greatest(former, p_below) where a.lease = p_lease and a.grp = p_grp;
  return former;
end $$;

-- Removes a day that is no longer attached, and remembers whose ids went with it.
create function holdfast.drop_detached(p_bucket int) returns void language plpgsql volatile as $$
declare day regclass := to_regclass(format('holdfast.%I', 'inbox_' || p_bucket));
begin
  perform pg_advisory_xact_lock(4243, 2);
  if day is null or exists (select from pg_inherits where inhrelid = day) then
    return;
  end if;
  perform holdfast.mark_pruned(p_bucket);
  execute format('drop table %s', day);
end $$;

create function holdfast.mark_pruned(p_bucket int) returns void language plpgsql volatile as $$
begin
  execute format('insert into holdfast.pruned (grp, bucket)
    select g.grp, %1$s from holdfast.grp g where exists (select from holdfast.%2$I d where d.bucket = %1$s and d.grp = g.grp)
    on conflict do nothing', p_bucket, 'inbox_' || p_bucket);
end $$;

-- Made apart and then attached: creating a partition in place would lock out every insert of the inbox.
create function holdfast.ensure_buckets(p_buckets int[]) returns void language plpgsql volatile as $$
declare b int; day text;
begin
  for b in select distinct u from unnest(p_buckets) u order by u loop
    day := format('holdfast.%I', 'inbox_' || b);
    continue when exists (select from pg_inherits where inhrelid = to_regclass(day));
    perform pg_advisory_xact_lock(4243, 2);
    continue when exists (select from pg_inherits where inhrelid = to_regclass(day));
    if (select count(*) from pg_inherits where inhparent = 'holdfast.inbox'::regclass) >= 1000 then
      raise exception 'the inbox has 1000 days; accept times are wrong, or nothing prunes it' using errcode = 'HF004';
    end if;
    perform holdfast.drop_detached(b);
    execute format('create table %s (like holdfast.inbox including all)', day);
    execute format('alter table holdfast.inbox attach partition %s for values in (%s)', day, b);
  end loop;
end $$;
`,
  },
  {
    version: 2,
    name: 'outbox',
    sql: `
-- Columns as Debezium's outbox event router expects them; its id may have any type. Rows are inserted and deleted,
-- never updated. json and not jsonb: the payload keeps its bytes, large numbers and repeated names included.
create table holdfast.outbox (
  txid xid8 not null default pg_current_xact_id(),
  seq bigint generated always as identity,
  id text not null,
  aggregatetype varchar(255) not null,
  aggregateid varchar(255) not null,
  type varchar(255) not null,
  aggregateversion bigint,
  payload json,
  headers jsonb,
  keyed boolean not null default true,
  created_at timestamptz not null default clock_timestamp(),
  primary key (txid, seq)
);

-- One row: who moves rows to the log, until when, and how far it is.
create table holdfast.outbox_relay (
  shard int primary key,
  owner text not null default '',
  epoch bigint not null default 0,
  until timestamptz not null default '-infinity',
  txid xid8 not null default '0',
  seq bigint not null default 0
) with (fillfactor = 50);
insert into holdfast.outbox_relay (shard) values (0);
`,
  },
  {
    version: 3,
    name: 'ranges that were reprocessed',
    sql: `
-- Events of a partition from first on and below below have their ids in this generation of the group. A row is written
-- in the transaction in which the user's reset took back what the range had done.
create table holdfast.reprocessed (
  lease int not null references holdfast.lease,
  job text not null,
  generation int not null,
  first bigint not null,
  below bigint not null,
  position bigint not null,
  is_over boolean not null default false,
  opened_at timestamptz not null default now(),
  primary key (lease, job)
);

-- Answers the generation, and whether it was opened by this call. The lock on the group's first generation puts the
-- partitions of a job in a line, so that they agree on the number, and so that their resets do not wait for each other
-- in a circle. It is one that rows which refer to that generation do not wait for.
create function holdfast.open_generation(p_lease int, p_epoch bigint, p_job text, p_first bigint, p_below bigint)
returns table (generation int, is_new boolean) language plpgsql volatile as $$
#variable_conflict use_column
declare own text;
begin
  perform holdfast.fence(p_lease, p_epoch);
  select l.name into strict own from holdfast.lease l where l.lease = p_lease;
  perform 1 from holdfast.grp g where g.name = own and g.generation = 0 for no key update;
  select r.generation into generation from holdfast.reprocessed r where r.lease = p_lease and r.job = p_job;
  if found then
    is_new := false;
    return next;
    return;
  end if;
  -- That of the job's other partitions, unless this one has had a later one: of its ranges the last must be the highest.
  select max(r.generation) into generation from holdfast.reprocessed r join holdfast.lease l using (lease)
    where l.name = own and r.job = p_job
      and r.generation > (select coalesce(max(o.generation), 0) from holdfast.reprocessed o where o.lease = p_lease);
  if generation is null then
    select max(g.generation) + 1 into strict generation from holdfast.grp g where g.name = own;
    insert into holdfast.grp (name, generation) values (own, generation);
  end if;
  insert into holdfast.reprocessed (lease, job, generation, first, below, position)
    values (p_lease, p_job, generation, p_first, p_below, p_first);
  is_new := true;
  return next;
end $$;
`,
  },
  {
    version: 4,
    name: 'topics that are made again',
    sql: `
-- A mark that grows each time when somebody deletes the topic. What stands here of offsets from before it is forgotten.
alter table holdfast.lease add column since bigint not null default -1;
`,
  },
]
