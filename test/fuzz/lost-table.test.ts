import { expect, it } from 'vitest'
import { openResponse } from '../../src/source/read-single.ts'
import { readSettings } from '../../src/source/read-settings.ts'

const BODY = [
  '[{"FrameType":"DataSetHeader","Version":"v2.0"}',
  '{"FrameType":"DataTable","TableId":1,"TableKind":"PrimaryResult","TableName":"T","Columns":[{"ColumnName":"n","ColumnType":"int"}],"Rows":[[1]]}',
  '{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]',
].join(',')

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

it('is no success of a read when the damage made the primary result a table of unknown kind', async () => {
  const { batches } = await openResponse(once(BODY), readSettings())
  const rows: number[] = []
  for await (const batch of batches) rows.push(batch.numRows)
  expect(rows).toEqual([1])
  for (const damaged of ['PrimaryResulu', 'primaryResult', '']) {
    const body = once(BODY.replace('PrimaryResult', damaged))
    await expect(openResponse(body, readSettings())).rejects.toMatchObject({ code: 'KUSTO_NO_RESULT' })
  }
})
