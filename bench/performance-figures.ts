/** A way into a result: a name, or the element of a list that has these values. */
export type Step = string | Readonly<Record<string, string | number>>

/** One line of the table of figures. */
export interface Figure {
  /** The suite, and its file `bench/results/<suite>.json`. */
  readonly suite: string
  readonly what: string
  readonly against: string
  /** `ratio`: how many times as long the other side takes. `times`: one number. `megabytes`: at most so much memory. */
  readonly kind: 'ratio' | 'times' | 'megabytes'
  readonly at: readonly Step[]
  /** Least ratio, or most megabytes; absent where there is no bar. */
  readonly must?: number
}

const results = (name: string): readonly Step[] => ['results', { name }]

/** Every figure that the suites are read for, in the order of the page. A suite that was not recorded has no line. */
export const FIGURES: readonly Figure[] = [
  ...['flights', 'mixed'].flatMap((body): readonly Figure[] => [
    {
      suite: 'decode',
      what: `answer \`${body}\` to table, no network`,
      against: '`JSON.parse(bytes.toString())`, no columns',
      kind: 'ratio',
      at: ['results', { body }, 'ratioToJsonParse'],
      must: 4,
    },
    {
      suite: 'decode',
      what: 'same, a fifth of the rows',
      against: 'azure-kusto-data rows + `tableFromJSON`',
      kind: 'ratio',
      at: ['results', { body }, 'ratioToAzureKustoData'],
      must: 20,
    },
  ]),
  ...['flights', 'mixed'].flatMap((query): readonly Figure[] => [
    {
      suite: 'http',
      what: `gzip answer \`${query}\` to table, fresh process`,
      against: 'azure-kusto-data + `tableFromJSON`',
      kind: 'ratio',
      at: ['results', { query }, 'ratioToAzureKustoData'],
      must: 10,
    },
    {
      suite: 'http',
      what: 'same',
      against: '`fetch().json()`, no columns',
      kind: 'ratio',
      at: ['results', { query }, 'ratioToFetchJson'],
      must: 3,
    },
  ]),
  {
    suite: 'stream-memory',
    what: 'streaming up to 1 GB, batches dropped',
    against: 'peak memory over start',
    kind: 'megabytes',
    at: ['highestPeakMb'],
    must: 96,
  },
  {
    suite: 'parquet',
    what: '8 Parquet files to table, one thread',
    against: 'parquet-wasm defaults + IPC',
    kind: 'ratio',
    at: ['ratioToParquetWasm'],
    must: 1.6,
  },
  {
    suite: 'parquet',
    what: 'same',
    against: 'hyparquet row objects',
    kind: 'ratio',
    at: ['ratioToHyparquet'],
    must: 15,
  },
  {
    suite: 'parquet-workers',
    what: '8 Parquet files, 2 threads',
    against: 'own code, no threads',
    kind: 'ratio',
    at: ['results', { workers: 2 }, 'ratio'],
    must: 1,
  },
  {
    suite: 'parquet-workers',
    what: 'same machine, 2 threads that fill memory',
    against: 'one after the other: the most that can be gained',
    kind: 'times',
    at: ['twoThreadsHere', 'memory'],
  },
  {
    suite: 'latency',
    what: '100-row query, warm',
    against: 'azure-kusto-data `execute`, rows still JSON',
    kind: 'ratio',
    at: ['ratioToAzureKustoDataRows'],
    must: 1,
  },
  {
    suite: 'latency',
    what: 'same',
    against: 'azure-kusto-data + `tableFromJSON`',
    kind: 'ratio',
    at: ['ratioToAzureKustoDataTable'],
  },
  ...['flights', 'flat'].flatMap((name): readonly Figure[] => [
    {
      suite: 'csv',
      what: `table \`${name}\` to CSV, one thread`,
      against: 'csv-stringify',
      kind: 'ratio',
      at: [...results(name), 'ratioToCsvStringify'],
      must: 10,
    },
    {
      suite: 'csv',
      what: 'same',
      against: 'DuckDB `COPY`, one thread',
      kind: 'ratio',
      at: [...results(name), 'ratioToDuckdb'],
      must: 1.1,
    },
  ]),
  {
    suite: 'csv-nested',
    what: 'nested columns to CSV, one thread',
    against: 'DuckDB `COPY` of the same columns as JSON',
    kind: 'ratio',
    at: ['ratioToDuckdbJson'],
    must: 1.3,
  },
  {
    suite: 'csv-nested',
    what: 'same',
    against: 'DuckDB `COPY` of its own text of them',
    kind: 'ratio',
    at: ['ratioToDuckdbText'],
  },
  {
    suite: 'csv-gzip',
    what: 'CSV to one gzip member, two threads',
    against: 'own code, one thread',
    kind: 'ratio',
    at: ['ratioToOneThread'],
    must: 1.4,
  },
  {
    suite: 'csv-gzip',
    what: 'same machine, 2 threads that deflate',
    against: 'one after the other: the most that can be gained',
    kind: 'times',
    at: ['twoThreadsHere', 'deflate'],
  },
  ...['flights', 'flat'].flatMap((name): readonly Figure[] => [
    {
      suite: 'parquet-write',
      what: `table \`${name}\` to Parquet, snappy, one thread`,
      against: 'DuckDB `COPY`, one thread',
      kind: 'ratio',
      at: [...results(name), 'ratioToDuckdbSnappy'],
      must: 0.6,
    },
    {
      suite: 'parquet-write',
      what: 'same, zstd',
      against: 'DuckDB `COPY`, one thread',
      kind: 'ratio',
      at: [...results(name), 'ratioToDuckdbZstd'],
    },
  ]),
  {
    suite: 'write',
    what: '3,000,000 rows queued, to the last blob taken over',
    against: 'azure-kusto-ingest, CSV by csv-stringify',
    kind: 'ratio',
    at: ['ratioToOfficial'],
    must: 5,
  },
  {
    suite: 'write',
    what: 'same',
    against: 'its peak memory over start, in ours',
    kind: 'times',
    at: ['memoryRatioToOfficial'],
    must: 3,
  },
  {
    suite: 'write',
    what: 'same',
    against: 'the same given as one text, its peak memory',
    kind: 'times',
    at: ['memoryRatioToOfficialWhole'],
  },
]
