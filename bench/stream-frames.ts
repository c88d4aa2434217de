import { type Body, mixedBody } from './flights-bodies.ts'

const FRAGMENT_ROWS = 20_000

/** A V2 answer in fragments, made while it is sent: the rows of one fragment again and again. */
export interface StreamedAnswer {
  /** Frames by line, as clients ask for them with `results_v2_newlines_between_frames`. */
  frames(): Generator<Buffer>
  /** What its reader must find. */
  readonly expected: { readonly rows: number; readonly delaySum: number; readonly delayNulls: number }
}

/** Makes answers of about so many bytes; the fragment, 4 MB, is made once. */
export function streamedAnswers(): (bytes: number) => StreamedAnswer {
  const body = mixedBody(FRAGMENT_ROWS)
  const rows = rowsOf(body)
  const delays = (JSON.parse(rows.toString()) as readonly (readonly unknown[])[]).map((row) => row[DELAY])
  const delaySum = delays.reduce<number>((sum, delay) => sum + (typeof delay === 'number' ? delay : 0), 0)
  const delayNulls = delays.filter((delay) => delay === null).length
  return (bytes) => {
    const fragments = Math.ceil(bytes / rows.length)
    return {
      frames: () => framesOf(body, rows, fragments),
      expected: {
        rows: fragments * FRAGMENT_ROWS,
        delaySum: fragments * delaySum,
        delayNulls: fragments * delayNulls,
      },
    }
  }
}

const DELAY = 2

function rowsOf({ bytes }: Body): Buffer {
  const start = bytes.indexOf('"Rows":[') + '"Rows":'.length
  return bytes.subarray(start, bytes.lastIndexOf(']},{"FrameType":"DataSetCompletion"') + 1)
}

function* framesOf({ columns }: Body, rows: Buffer, fragments: number): Generator<Buffer> {
  const described = columns.map(([ColumnName, ColumnType]) => ({ ColumnName, ColumnType }))
  yield Buffer.from(
    `[{"FrameType":"DataSetHeader","IsProgressive":false,"IsFragmented":true,"Version":"v2.0"}\n,\
{"FrameType":"TableHeader","TableId":1,"TableKind":"PrimaryResult","TableName":"PrimaryResult","Columns":${JSON.stringify(described)}}\n`,
  )
  for (let fragment = 0; fragment < fragments; fragment++) {
    yield Buffer.from(`,{"FrameType":"TableFragment","TableFragmentType":"DataAppend","TableId":1,"Rows":`)
    yield rows
    yield Buffer.from('}\n')
  }
  yield Buffer.from(
    `,{"FrameType":"TableCompletion","TableId":1,"RowCount":${fragments * FRAGMENT_ROWS}}\n,\
{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]`,
  )
}
