export {
  audit,
  type Aggregate,
  type AggregateDifference,
  type Audit,
  type AuditCounts,
  type Evidence,
  type Findings,
  type Inversion,
  type StoredRow,
} from './audit.ts'
export {
  ledgerOf,
  parseLedger,
  type Ledger,
  type LedgerEntry,
  type LedgerLine,
  type Outcome,
} from './ledger.ts'
export { auditReport } from './report.ts'
