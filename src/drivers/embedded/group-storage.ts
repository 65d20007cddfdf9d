import type { GroupStore, GroupTransaction, GroupView } from '../../log/index.ts'
import { openRow, sealRow } from './sealed-row.ts'
import type { Storage, StorageTransaction, StorageView } from './storage.ts'

/** Positions, owners and members of groups as rows of the same environment, so that they are as durable as the log. */
export function groupStorage(storage: Storage): GroupStore {
  return {
    transact: fn => storage.transact(tx => fn(groupTransaction(tx)), 'urgent'),
    read: fn => storage.view(view => fn(groupView(view))),
    watch: fn => storage.watch(fn),
  }
}

export function groupTransaction(tx: StorageTransaction): GroupTransaction {
  return {
    ...groupView(tx),
    put(key, value) {
      const id = Buffer.from(key)
      tx.putRow('groups', id, sealRow(id, Buffer.from(value)))
    },
    delete: key => tx.deleteRow('groups', Buffer.from(key)),
  }
}

function groupView(view: StorageView): GroupView {
  return {
    get(key) {
      const id = Buffer.from(key)
      const row = view.row('groups', id)
      return row === undefined ? undefined : text(id, row)
    },
    range: prefix =>
      [...view.rows('groups', Buffer.from(prefix))].map(([key, row]) => {
        const id = Buffer.from(key)
        return [id.toString(), text(id, row)] as const
      }),
  }
}

function text(id: Buffer, row: Uint8Array): string {
  return openRow('a row of a group', id, row).toString()
}
