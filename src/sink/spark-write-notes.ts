import { badOption } from '../base/check-options.ts'
import { sparkFlag } from '../protocol/spark-options.ts'
import type { GivenSparkOptions } from '../protocol/spark-options.ts'

type SparkMode = 'Transactional' | 'Queued' | 'KustoStreaming'

/** One option that is accepted and does nothing, or something else than in Spark. */
interface NotedOption {
  readonly name: string
  /** The modes in which there is something to say. Default: all. */
  readonly modes?: readonly SparkMode[]
  readonly check?: (given: GivenSparkOptions, name: string) => void
  readonly note: string
}

const NOTED: readonly NotedOption[] = [
  {
    name: 'pollingOnDriver',
    check: checkFlag,
    note: 'no effect: there are no executors, the process that writes asks for the state itself',
  },
  {
    name: 'writeEnableAsync',
    check: checkFlag,
    note: 'no effect: write() gives a promise, and whoever does not await it goes on at once',
  },
  {
    name: 'isAsync',
    check: checkFlag,
    note: 'no effect: write() gives a promise, and whoever does not await it goes on at once',
  },
  {
    name: 'writeResultLimit',
    check: checkResultLimit,
    note: 'no effect: a write gives a receipt, not rows of the table',
  },
  {
    name: 'timeZone',
    check: checkTimeZone,
    note: 'no effect: times are written as moments in UTC with a Z, so no zone is applied to them',
  },
  {
    name: 'maxRetriesOnMoveExtents',
    check: checkNumber,
    note: 'no effect: extents are moved by one command, all or none',
  },
  {
    name: 'maximalExtentsCountForSplitMergePerNode',
    check: checkNumber,
    note: 'no effect: extents are moved by one command, all or none',
  },
  {
    name: 'stagingResourcesAutoCleanupTimeout',
    modes: ['Queued', 'KustoStreaming'],
    note: 'no effect in this writeMode, which has no staging table',
  },
  {
    name: 'streamingIngestSizeInMB',
    modes: ['Transactional', 'Queued'],
    note: 'no effect in this writeMode',
  },
  { name: 'clientBatchingLimit', modes: ['KustoStreaming'], note: 'no effect in this writeMode' },
  { name: 'disableFlushImmediately', modes: ['KustoStreaming'], check: checkFlag, note: 'no effect in this writeMode' },
  {
    name: 'kustoIngestionStorageContainer',
    modes: ['KustoStreaming'],
    note: 'no effect in this writeMode: what is not streamed goes through containers of the service',
  },
  { name: 'requestId', modes: ['KustoStreaming'], note: 'no effect in this writeMode' },
]

/** A sentence for each given option that has no effect here. @throws {KustoUsageError} KUSTO_BAD_OPTION for a value that is none of it */
export function sparkNotes(given: GivenSparkOptions, mode: SparkMode): readonly string[] {
  const notes: string[] = []
  for (const { name, modes, check, note } of NOTED) {
    if (!given.has(name.toLowerCase()) || modes?.includes(mode) === false) continue
    check?.(given, name)
    notes.push(`${name}: ${note}`)
  }
  if (/"usermsi"\s*:\s*"/i.test(given.get('kustoingestionstoragecontainer') ?? '') && mode !== 'KustoStreaming') {
    notes.push("kustoIngestionStorageContainer: userMsi is not used, blobs are written as the connector's credential")
  }
  if (given.get('timeoutlimit')?.startsWith('-') === true) {
    notes.push('timeoutLimit: a wait without end is none here, it ends when half of the staging time is over')
  }
  return notes
}

function checkFlag(given: GivenSparkOptions, name: string): void {
  sparkFlag(given, name)
}

function checkNumber(given: GivenSparkOptions, name: string): void {
  const text = given.get(name.toLowerCase()) ?? ''
  if (!/^\d{1,9}$/.test(text)) throw badOption(`expected ${name} as a whole number, found ${text}`)
}

function checkResultLimit(given: GivenSparkOptions, name: string): void {
  const text = given.get(name.toLowerCase()) ?? ''
  if (!/^(none|\d{1,9})$/i.test(text)) throw badOption(`expected ${name} none or a whole number, found ${text}`)
}

function checkTimeZone(given: GivenSparkOptions, name: string): void {
  const text = given.get(name.toLowerCase()) ?? ''
  try {
    void new Intl.DateTimeFormat('en', { timeZone: text })
  } catch {
    throw badOption(`expected ${name} as the name of a time zone, found ${text}`)
  }
}
