/** Runs in a worker thread, once per partition; what it returns crosses back, the batches do not. */
import type { RecordBatch } from 'apache-arrow'

export default async function sumColumn(
  batches: AsyncIterable<RecordBatch>,
  { data }: { readonly data: { readonly column: string } },
): Promise<number> {
  let total = 0
  for await (const batch of batches) {
    for (const value of batch.getChild(data.column) ?? []) total += Number(value)
  }
  return total
}
