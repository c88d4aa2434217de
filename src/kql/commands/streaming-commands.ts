import { Kql, kql, name, text } from '../kql.ts'

/** What a policy is set on. */
export type PolicyEntity =
  | { readonly kind: 'table'; readonly table: string }
  | { readonly kind: 'database'; readonly database: string }

/** Policies that decide how data come in. */
export type IngestionPolicyName = 'streamingingestion' | 'ingestionbatching'

/** Columns: PolicyName, EntityName, Policy (JSON text or null), ChildEntities, EntityType. */
export function showIngestionPolicy(entity: PolicyEntity, policy: IngestionPolicyName): Kql {
  return kql`.show ${entityText(entity)} policy ${Kql.raw(policy)}`
}

/** Replaces the policy; what is left out of it goes back to its default. */
export function alterIngestionPolicy(entity: PolicyEntity, policy: IngestionPolicyName, value: object): Kql {
  return kql`.alter ${entityText(entity)} policy ${Kql.raw(policy)} ${text(JSON.stringify(value))}`
}

/** Takes the policy away: a table then follows its database, a database the service's default. */
export function deleteIngestionPolicy(entity: PolicyEntity, policy: IngestionPolicyName): Kql {
  return kql`.delete ${entityText(entity)} policy ${Kql.raw(policy)}`
}

/** Makes the nodes forget the schemas of the database in scope. Columns: NodeId, Status. */
export function clearDatabaseStreamingSchemaCache(): Kql {
  return kql`.clear database cache streamingingestion schema`
}

function entityText(entity: PolicyEntity): Kql {
  return entity.kind === 'table' ? kql`table ${name(entity.table)}` : kql`database ${name(entity.database)}`
}
