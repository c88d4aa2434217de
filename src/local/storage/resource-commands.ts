import { randomUUID } from 'node:crypto'
import type { ResultTable } from '../engine/result-table.ts'
import type { Column } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import { type LocalStorage, STORAGE_NAMES } from './azurite.ts'

const STORAGE_ROOT: readonly Column[] = [{ name: 'StorageRoot', type: 'string' }]

/** Commands of the ingestion endpoint, which the official grammar does not know; blanks and case do not matter. */
const COMMANDS: readonly (readonly [RegExp, (storage: () => LocalStorage) => ResultTable])[] = [
  [/^\.(get|show) ingestion resources( with ?\(.*\))?$/i, (storage) => ingestionResources(storage())],
  [/^\.get kusto identity token$/i, identityToken],
  [/^\.create tempstorage$/i, (storage) => containers(storage(), STORAGE_NAMES.exportContainers.slice(0, 1))],
  [/^\.show export containers$/i, (storage) => containers(storage(), STORAGE_NAMES.exportContainers)],
  // The policy is read anew for every batch, so there is nothing to refresh.
  [/^\.refresh database .+ table .+ cache ingestionbatchingpolicy$/i, () => ({ columns: [], rows: [] })],
]

/** The result of a command about storage; undefined when the text is another command. */
export function resourceCommand(
  services: { readonly storage: LocalStorage | undefined },
  text: string,
): ResultTable | undefined {
  const normal = text.trim().replaceAll(/\s+/g, ' ')
  const found = COMMANDS.find(([pattern]) => pattern.test(normal))
  return found?.[1](() => {
    if (services.storage !== undefined) return services.storage
    throw new LocalError('BadRequest_NoStorage', 'this embedded Kusto was started without storage')
  })
}

function ingestionResources(storage: LocalStorage): ResultTable {
  const { readyQueue, failedQueue, succeededQueue, tempContainers, statusTable } = STORAGE_NAMES
  return {
    columns: [{ name: 'ResourceTypeName', type: 'string' }, ...STORAGE_ROOT],
    rows: [
      ['SecuredReadyForAggregationQueue', storage.queueSas(readyQueue)],
      ['FailedIngestionsQueue', storage.queueSas(failedQueue)],
      ['SuccessfulIngestionsQueue', storage.queueSas(succeededQueue)],
      ...tempContainers.map((name) => ['TempStorage', storage.containerSas(name)]),
      ['IngestionsStatusTable', storage.tableSas(statusTable)],
    ],
  }
}

function containers(storage: LocalStorage, names: readonly string[]): ResultTable {
  return { columns: STORAGE_ROOT, rows: names.map((name) => [storage.containerSas(name)]) }
}

const TOKEN_PREFIX = 'embedded-kusto-'

/** The token says who queued something; it stays good when the embedded Kusto is started again. */
function identityToken(): ResultTable {
  return { columns: [{ name: 'AuthorizationContext', type: 'string' }], rows: [[`${TOKEN_PREFIX}${randomUUID()}`]] }
}

/** Whether this is a token that an embedded Kusto gave. */
export function isIdentityToken(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith(TOKEN_PREFIX)
}
