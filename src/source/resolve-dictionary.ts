import { columnsOfFewTexts } from '../arrow/dictionary-columns.ts'
import { kql } from '../kql/kql.ts'
import type { Dataframe } from './dataframe.ts'
import { requestsOnly } from './read-events.ts'
import { openSingle } from './read-single.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'

/** Rows that tell which columns have few texts. */
const SAMPLE = kql`take 2000`

/**
 * The dataframe with `dictionary: 'auto'` replaced by the string columns of few distinct texts in a sample of its rows,
 * so that every mode and partition encodes the same columns. Costs one small query; nothing when columns are named.
 */
export async function resolveDictionary(context: SourceContext, frame: Dataframe): Promise<Dataframe> {
  const { source, settings } = frame
  if (settings.types.dictionary !== 'auto') return frame
  const quiet: ReadSettings = {
    ...settings,
    types: { ...settings.types, dictionary: [] },
    batchRows: 65_536,
    onEvent: requestsOnly(settings.onEvent),
  }
  const sample = await openSingle(context, { query: source.query, operators: [...source.operators, SAMPLE] }, quiet)
  let dictionary: readonly string[] = []
  for await (const batch of sample.batches) {
    if (batch.numRows > 0) dictionary = columnsOfFewTexts(batch)
  }
  return { ...frame, settings: { ...settings, types: { ...settings.types, dictionary } } }
}
