import type { RecordBatch } from 'apache-arrow'
import type { OnReadEvent, ReadEvent } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { formatCount, formatNumberOf, formatRows } from './quantities.ts'

/** Follows a read for the person at the terminal. */
export interface ReadTelling {
  readonly onEvent: OnReadEvent
  /** The batches, counted as they pass. */
  readonly counted: (batches: AsyncIterable<RecordBatch>) => AsyncIterable<RecordBatch>
  readonly rows: () => number
  readonly summary: () => { readonly mode: string; readonly blobs: number }
}

type Handlers = {
  readonly [Kind in ReadEvent['kind']]?: (event: Extract<ReadEvent, { readonly kind: Kind }>) => void
}

export function tellRead({ screen }: CliCall): ReadTelling {
  const { progress } = screen
  let rows = 0
  let bytes = 0
  let blobs = 0
  let exported = 0
  let mode = 'single'
  const handlers: Handlers = {
    mode(event) {
      mode = event.mode
      screen.detail(`mode ${event.mode}: ${event.reason}`)
      if (event.mode === 'distributed') progress.phase('exporting')
    },
    'export-started': (event) => screen.detail(`export ${event.operationId} below ${event.directory}`),
    'export-waiting': (event) => progress.update({ note: event.state }),
    'export-finished'(event) {
      exported += event.rows
      blobs += event.blobs
      screen.detail(`exported ${formatRows(event.rows)} in ${formatNumberOf(event.blobs, 'blob')}`)
      progress.phase('reading', { rows })
      progress.update({ totalRows: exported })
    },
    'blob-read'(event) {
      bytes += event.bytes
      progress.update({ bytes })
    },
    'ticks-lost': ({ column, values }) =>
      screen.warn(`column ${column}: the 7th digit of ${formatCount(values)} times was cut; text formats keep it`),
    'blobs-removed'({ failed, directory }) {
      if (failed > 0) screen.warn(`${formatNumberOf(failed, 'blob')} below ${directory} could not be deleted`)
    },
  }
  const onEvent = (event: ReadEvent): void => {
    screen.event(event)
    // The handler found under a kind takes the events of that kind.
    handlers[event.kind]?.(event as never)
  }
  return {
    onEvent,
    async *counted(batches) {
      for await (const batch of batches) {
        rows += batch.numRows
        progress.update({ rows })
        yield batch
      }
    },
    rows: () => rows,
    summary: () => ({ mode, blobs }),
  }
}
