import { writeFile } from 'node:fs/promises'
import type { ReadPlan } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { checkOutputs } from './check-output.ts'
import { EXIT } from './exit-codes.ts'
import type { FlagValues } from './flags.ts'
import { openConnection } from './open-connection.ts'
import { isTextFormat } from './output-format.ts'
import { formatNumberOf, formatRows } from './quantities.ts'
import { STORAGE_KINDS } from './read-flags.ts'
import { readOptions } from './read-options.ts'
import { storageOf } from './storage-of.ts'
import { openRead, queryText } from './read-query.ts'
import { readFileText, readText } from './read-text.ts'
import { rowsOf } from './rows-of.ts'
import { tellRead } from './tell-read.ts'
import { usageError } from './usage-error.ts'
import { outputFormat, showFirst, writeOut } from './write-out.ts'

/** Exports a query and writes the plan that tells where its rows are. */
export async function runPlan(call: CliCall): Promise<number> {
  const { flags, screen } = call
  const text = await queryText(call)
  await checkOutputs(flags, ['out'])
  await using connection = await openConnection(call, { mentions: text })
  const tell = tellRead(call)
  const options = { ...readOptions(call), mode: 'distributed' as const, onEvent: tell.onEvent }
  const read = openRead(connection.kusto, { call, text, options })
  const ttlMs = flags.durationMs('ttl')
  screen.progress.phase('exporting')
  const plan = await read.plan(ttlMs === undefined ? {} : { ttlMs })
  screen.progress.end()
  try {
    await givePlan(call, plan)
  } catch (error) {
    // Nobody can read or release a plan that nobody has.
    await connection.kusto.release(plan, { onEvent: tell.onEvent }).catch(() => {
      screen.warn(`the exported blobs below ${plan.directory} could not be deleted`)
    })
    throw error
  }
  return EXIT.done
}

async function givePlan({ flags, screen }: CliCall, plan: ReadPlan): Promise<void> {
  const file = flags.text('out')
  const json = `${JSON.stringify(plan, null, 2)}\n`
  if (file !== undefined) await writeFile(file, json)
  const rows = plan.partitions.reduce((sum, partition) => sum + partition.rows, 0)
  screen.note(
    `${formatRows(rows)} in ${formatNumberOf(plan.partitions.length, 'partition')}, to be read until ${plan.expiresAt}; ` +
      whatNext(flags, file ?? '-'),
  )
  await screen.result(
    file === undefined ? plan : { file, planId: plan.planId, partitions: plan.partitions.length, rows },
    file === undefined ? json : '',
  )
}

function whatNext(flags: FlagValues, file: string): string {
  const folder = flags.text('data-dir')
  if (!flags.on('local')) return `then: kusto-arrow release --plan ${file}`
  if (folder === undefined) return 'but the embedded Kusto ends here with its blobs: --data-dir DIR keeps them'
  return `then: kusto-arrow release --plan ${file} --local --data-dir ${folder}`
}

/** Reads one partition of a plan. */
export async function runPartition(call: CliCall): Promise<number> {
  const { flags, screen, signal } = call
  const index = flags.number('index')
  if (index === undefined) throw usageError('run-partition needs --index N')
  const format = await outputFormat(call)
  const { text, place } = await planOf(call)
  const workers = flags.number('workers')
  const storage = storageOf(call, STORAGE_KINDS)
  await using connection = await openConnection(call, { place })
  const tell = tellRead(call)
  const partition = connection.kusto.readPartition(text, index, {
    signal,
    onEvent: tell.onEvent,
    batchRows: 32_768,
    maxBufferedBytes: 33_554_432,
    ...(workers === undefined ? {} : { workers }),
    ...(storage === undefined ? {} : { storage }),
  })
  screen.progress.phase(`reading partition ${index}`, { rows: 0, totalRows: partition.rows })
  const rows = rowsOf(partition.schema, partition)
  if (format === 'table') return await showFirst(call, rows)
  if (isTextFormat(format)) screen.detail('times have the precision that the plan was made with')
  return await writeOut(call, { rows, format, tell })
}

/** Deletes what a plan owns. */
export async function runRelease(call: CliCall): Promise<number> {
  const { screen, signal } = call
  const { text, place } = await planOf(call)
  const storage = storageOf(call, STORAGE_KINDS)
  await using connection = await openConnection(call, { place })
  let removed = 0
  let failed = 0
  await connection.kusto.release(text, {
    signal,
    onEvent: (event) => {
      screen.event(event)
      if (event.kind !== 'blobs-removed') return
      removed += event.removed
      failed += event.failed
    },
    ...(storage === undefined ? {} : { storage }),
  })
  await screen.result(
    { removed, failed },
    `deleted ${formatNumberOf(removed, 'blob')}${failed > 0 ? `; ${failed} are still there` : ''}\n`,
  )
  return failed > 0 ? EXIT.part : EXIT.done
}

interface StoredPlan {
  readonly text: string
  readonly place: { readonly cluster?: string; readonly database?: string }
}

async function planOf(call: CliCall): Promise<StoredPlan> {
  const { flags } = call
  const file = flags.text('plan')
  if (file === undefined) throw usageError('needs --plan FILE, which the command plan writes')
  const text = file === '-' ? await readText(call) : await readFileText(file)
  // Whether it is a plan is checked by whoever reads it; here only the place matters.
  const of = (name: string): string | undefined => new RegExp(`"${name}":\\s*"([^"]+)"`).exec(text)?.[1]
  const [cluster, database] = [of('cluster'), of('database')]
  return {
    text,
    place: { ...(cluster === undefined ? {} : { cluster }), ...(database === undefined ? {} : { database }) },
  }
}
