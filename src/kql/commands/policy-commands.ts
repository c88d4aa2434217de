import { Kql, kql, name, text } from '../kql.ts'

/** Table policies whose value is JSON. */
export type JsonPolicy = 'ingestionbatching' | 'streamingingestion' | 'retention' | 'merge' | 'auto_delete' | 'update'

/** Columns: PolicyName, EntityName, Policy (JSON text or null), ChildEntities, EntityType. */
export function showTablePolicy(table: string, policy: JsonPolicy): Kql {
  return kql`.show table ${name(table)} policy ${Kql.raw(policy)}`
}

/** Replaces the policy; what is left out of it goes back to its default. */
export function alterTablePolicy(table: string, policy: JsonPolicy, value: object): Kql {
  return kql`.alter table ${name(table)} policy ${Kql.raw(policy)} ${text(JSON.stringify(value))}`
}

/** Changes the policy; what is left out of it stays. */
export function alterMergeTablePolicy(table: string, policy: Exclude<JsonPolicy, 'auto_delete'>, value: object): Kql {
  return kql`.alter-merge table ${name(table)} policy ${Kql.raw(policy)} ${text(JSON.stringify(value))}`
}

/** Makes the ingestion endpoint take a changed batching policy at once. Ingestion endpoint. */
export function refreshBatchingPolicy(database: string, table: string): Kql {
  return kql`.refresh database ${text(database)} table ${text(table)} cache ingestionbatchingpolicy`
}
