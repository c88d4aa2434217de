import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DuckSession } from '../../../src/local/engine/duck.ts'
import type { IngestFormat } from '../../../src/local/ingest/formats.ts'
import { type LoadRequest, planLoad } from '../../../src/local/ingest/load.ts'
import { parseMapping } from '../../../src/local/ingest/mapping.ts'
import { FORMATS } from '../../../src/local/ingest/formats.ts'
import type { Column, ScalarName } from '../../../src/local/lang/syntax.ts'

export interface LoadCase {
  readonly format?: IngestFormat
  readonly mapping?: readonly object[]
  readonly ignoreFirstRecord?: boolean
  readonly acceptRagged?: boolean
}

/** `a:long, b:string` as columns. */
export function columnsOf(schema: string): readonly Column[] {
  return schema.split(',').map((part) => {
    const [name = '', type = ''] = part.trim().split(':')
    return { name, type: type as ScalarName }
  })
}

/** Loads data into rows of printable values: BIGINT and others as text, null as null. */
export async function load(
  session: DuckSession,
  schema: string,
  data: string | Buffer,
  options: LoadCase = {},
): Promise<unknown[][]> {
  const scratch = await mkdtemp(join(tmpdir(), 'load-test-'))
  try {
    const file = join(scratch, 'source')
    await writeFile(file, data)
    return await loadFile(session, schema, file, scratch, options)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

export async function loadFile(
  session: DuckSession,
  schema: string,
  file: string,
  scratch: string,
  options: LoadCase = {},
): Promise<unknown[][]> {
  const format = options.format ?? 'csv'
  const columns = columnsOf(schema)
  const request: LoadRequest = {
    file,
    scratch,
    format,
    columns,
    mapping:
      options.mapping === undefined
        ? undefined
        : parseMapping(JSON.stringify(options.mapping), FORMATS[format].mapping),
    ignoreFirstRecord: options.ignoreFirstRecord,
    acceptRagged: options.acceptRagged,
    sourceLocation: 'https://acct/c/source',
  }
  const plan = await planLoad(session, request)
  const texts = columns.map((_, index) => `v${index}::VARCHAR`)
  const rows = await session.rows(
    `SELECT ${texts.join(', ')} FROM (${plan.select}) AS t(${columns.map((_, index) => `v${index}`).join(', ')})`,
  )
  return rows.map((row) => [...row])
}
