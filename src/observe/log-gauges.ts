import { Gauge, type Registry } from 'prom-client'
import { parkedIn, type Standing } from './standing.ts'

/** Gauges that are read, not counted: each call of the answer sets them all from one {@link Standing}. */
export function logGauges(registry: Registry): (standing: Standing) => void {
  const registers = [registry]
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> =>
    new Gauge({ name, help, labelNames, registers })
  const perPartition: ('topic' | 'group' | 'partition')[] = ['topic', 'group', 'partition']

  const lag = gauge('consumer_lag_messages', 'Events that are not committed', perPartition)
  const lagSeconds = gauge(
    'consumer_lag_seconds',
    'Age of the oldest event that is not committed',
    perPartition,
  )
  const committed = gauge('consumer_committed_offset', 'Next offset to read', perPartition)
  const members = gauge('consumer_group_members', 'Members of the group', ['group'])
  const parked = gauge('retry_pending_messages', 'Events that wait in the retry lanes owned here', [
    'topic',
    'group',
  ])
  const letters = gauge('dead_letter_messages', 'Dead letters that nobody has dealt with', ['topic', 'group'])
  const oldestLetter = gauge(
    'dead_letter_oldest_timestamp_seconds',
    'When the oldest of them died first; 0 when there is none',
    ['topic', 'group'],
  )
  const end = gauge('log_end_offset', 'Offset that the next event gets', ['topic', 'partition'])
  const start = gauge('log_start_offset', 'First offset that is kept', ['topic', 'partition'])
  const retention = gauge('log_retention_seconds', 'How long events are kept', ['topic'])
  const bytes = gauge('log_size_bytes', 'Bytes of the events that are kept', ['topic'])
  const used = gauge('log_disk_used_bytes', 'Bytes of the log on its disk', [])
  const free = gauge('log_disk_free_bytes', 'Free bytes on the disk of the log', [])
  const pool = gauge('db_connection_pool_size', 'Connections to the database', ['pool', 'state'])
  const waiting = gauge('db_connection_pool_waiting', 'Transactions that wait for a connection', ['pool'])

  const pending = gauge('outbox_pending_messages', 'Rows of the outbox that are not in the log yet', [
    'outbox',
  ])
  const oldest = gauge(
    'outbox_oldest_pending_timestamp_seconds',
    'When the oldest of them was written; 0 when there is none',
    ['outbox'],
  )
  const heldBack = gauge(
    'outbox_held_back_seconds',
    'Age of the open transaction that rows of the outbox wait for; 0 when they wait for none',
    ['outbox'],
  )

  const jobs = gauge(
    'replay_jobs',
    'Replays of the group by their state; ended ones as far as they are remembered',
    ['group', 'state'],
  )
  const settled = gauge('replay_settled_events', 'Events of replays that go on, which have their outcome', [
    'group',
  ])
  const remaining = gauge('replay_remaining_events', 'Events of replays that go on, which have none yet', [
    'group',
  ])
  const still = gauge(
    'replay_parts_standing_still',
    'Partitions in which a replay stands still, for a reason that replay-jobs show says',
    ['group'],
  )

  return ({ groups, topics, letters: openLetters, space, pools, outbox, replays }) => {
    // A partition that moved to another process must not stand here for ever with its last value.
    for (const each of [lag, lagSeconds, committed]) each.reset()
    for (const group of groups) {
      members.set({ group: group.group }, group.members.length)
      for (const topic of group.topics) parked.set({ topic, group: group.group }, parkedIn(group, topic))
      for (const at of group.partitions) {
        const labels = { topic: at.topic, group: group.group, partition: at.partition }
        lag.set(labels, Number(at.lag))
        lagSeconds.set(labels, at.lagSeconds)
        committed.set(labels, Number(at.committed))
      }
    }
    for (const { group, topic, open, oldestAt } of openLetters) {
      letters.set({ topic, group }, open)
      oldestLetter.set({ topic, group }, (oldestAt ?? 0) / 1_000)
    }
    for (const { group, jobs: inState, ...standing } of replays) {
      for (const [state, count] of Object.entries(inState)) jobs.set({ group, state }, count)
      settled.set({ group }, standing.settled)
      remaining.set({ group }, standing.remaining)
      still.set({ group }, standing.standingStill)
    }
    for (const { topic, partitions, retentionMs, bytes: kept } of topics) {
      for (const at of partitions) {
        start.set({ topic, partition: at.partition }, Number(at.start))
        end.set({ topic, partition: at.partition }, Number(at.end))
      }
      if (retentionMs !== undefined) retention.set({ topic }, retentionMs / 1_000)
      if (kept !== undefined) bytes.set({ topic }, kept)
    }
    for (const { pool: name, busy, idle, waiting: waits } of pools) {
      pool.set({ pool: name, state: 'busy' }, busy)
      pool.set({ pool: name, state: 'idle' }, idle)
      waiting.set({ pool: name }, waits)
    }
    if (outbox !== undefined) {
      const labels = { outbox: 'db' }
      pending.set(labels, outbox.pending)
      oldest.set(labels, (outbox.oldestAt ?? 0) / 1_000)
      heldBack.set(labels, (outbox.heldBackBy?.forMs ?? 0) / 1_000)
    }
    if (space !== undefined) {
      used.set(space.usedBytes)
      free.set(space.freeBytes)
    }
  }
}
