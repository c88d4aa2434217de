import { readFileSync } from 'node:fs'
import { type Table, tableFromIPC } from 'apache-arrow'
import { readParquet } from 'parquet-wasm'
import { FLIGHTS_FILE } from './flights-file.ts'

/** A V2 response body with one primary result, and what it is made of. */
export interface Body {
  readonly name: string
  readonly bytes: Buffer
  readonly rows: number
  readonly columns: readonly (readonly [string, string])[]
}

/** `flights`: 2 million rows of five short columns, as they are in the data set. About 88 MB. */
export function flightsBody(rows = 2_000_000): Body {
  const columns = [
    ['date', 'datetime'],
    ['delay', 'int'],
    ['distance', 'int'],
    ['origin', 'string'],
    ['destination', 'string'],
  ] as const
  return build('flights', columns, rows, (flight) => {
    const date = new Date(flight.dateMs).toISOString().slice(0, 19)
    return `["${date}Z",${flight.delay},${flight.distance},"${flight.origin}","${flight.destination}"]`
  })
}

/**
 * `mixed`: 600 thousand rows of twelve columns: every common type, 7-digit fractions, 16 and 17-digit reals, some escapes
 * and text beyond ASCII, 2 % nulls in four columns. About 125 MB.
 */
export function mixedBody(rows = 600_000): Body {
  const columns = [
    ['Id', 'long'],
    ['Start', 'datetime'],
    ['Delay', 'int'],
    ['Distance', 'long'],
    ['Origin', 'string'],
    ['Destination', 'string'],
    ['Speed', 'real'],
    ['Late', 'bool'],
    ['Duration', 'timespan'],
    ['FlightId', 'guid'],
    ['Note', 'string'],
    ['Details', 'dynamic'],
  ] as const
  const random = seededRandom(7)
  const orNull = (text: string): string => (random() < 0.02 ? 'null' : text)
  return build('mixed', columns, rows, (flight, row) => {
    const date = new Date(flight.dateMs).toISOString().slice(0, 19)
    const ticks = String(Math.floor(random() * 1e7)).padStart(7, '0')
    const speed = row % 3 === 0 ? flight.distance / 4 : flight.distance / (1 + Math.abs(flight.delay) + random())
    const minutes = Math.abs(flight.delay) + Math.floor(flight.distance / 8)
    const clock = `${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}:${two(row % 60)}`
    const days = minutes >= 1440 ? `${Math.floor(minutes / 1440)}.` : ''
    const hex = Math.floor(random() * 2 ** 48)
      .toString(16)
      .padStart(12, '0')
    const note = NOTES[row % NOTES.length]
    return `[${9_000_000_000 + row * 17},"${date}.${ticks}Z",${orNull(String(flight.delay))},${orNull(String(flight.distance))},\
"${flight.origin}","${flight.destination}",${orNull(String(speed))},${flight.delay > 15},"${flight.delay < 0 ? '-' : ''}${days}${clock}",\
${orNull(`"74be27de-1e4e-49d9-b579-${hex}"`)},${note},{"gate":"B${row % 40}","pax":${row % 200},"crew":{"lead":${row % 7}}}]`
  })
}

interface Flight {
  readonly dateMs: number
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

const NOTES = [
  '"on time, gate as planned, no remarks"',
  '"late: \\"air traffic\\", waited at C\\\\D"',
  '"Verspätung wegen Nebel – über Zürich"',
  '"line one\\nline two, all passengers on"',
  '"weather ok, crew change at destination"',
  '"no remarks by the crew of this flight"',
]

function build(
  name: string,
  columns: readonly (readonly [string, string])[],
  rows: number,
  rowText: (flight: Flight, row: number) => string,
): Body {
  const head = columns.map(([ColumnName, ColumnType]) => ({ ColumnName, ColumnType }))
  const parts = [
    Buffer.from(
      `[{"FrameType":"DataSetHeader","IsProgressive":false,"Version":"v2.0"},\
{"FrameType":"DataTable","TableId":1,"TableKind":"PrimaryResult","TableName":"PrimaryResult","Columns":${JSON.stringify(head)},"Rows":[`,
    ),
  ]
  let texts: string[] = []
  let row = 0
  for (const flight of flights()) {
    if (row === rows) break
    texts.push(rowText(flight, row++))
    if (texts.length === 20_000) {
      parts.push(Buffer.from(`${row > 20_000 ? ',' : ''}${texts.join(',')}`))
      texts = []
    }
  }
  if (texts.length > 0) parts.push(Buffer.from(`${row > texts.length ? ',' : ''}${texts.join(',')}`))
  parts.push(Buffer.from(']},{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]'))
  return { name, bytes: Buffer.concat(parts), rows: row, columns }
}

function* flights(): Generator<Flight> {
  const file = readFileSync(FLIGHTS_FILE)
  const table: Table = tableFromIPC(readParquet(file).intoIPCStream())
  for (const batch of table.batches) {
    const column = (name: string): ArrayLike<unknown> & Iterable<unknown> => {
      const vector = batch.getChild(name)
      if (vector === null) throw new Error(`expected a column ${name}`)
      return vector.toArray() as unknown[]
    }
    const [dates, delays, distances] = [column('date'), column('delay'), column('distance')]
    const origins = batch.getChild('origin')
    const destinations = batch.getChild('destination')
    for (let row = 0; row < batch.numRows; row++) {
      yield {
        dateMs: Number(dates[row]) / 1000,
        delay: Number(delays[row]),
        distance: Number(distances[row]),
        origin: String(origins?.get(row)),
        destination: String(destinations?.get(row)),
      }
    }
  }
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** mulberry32: the same numbers in every run. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
