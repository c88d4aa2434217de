import type { RecordBatch } from 'apache-arrow'
import { columnsOfFewTexts } from '../arrow/dictionary-columns.ts'
import { joinBatches } from '../arrow/take-rows.ts'
import { kql } from '../kql/kql.ts'
import { applyVerbs } from './apply-verbs.ts'
import { losslessTypes } from './cast-stream.ts'
import type { Dataframe } from './dataframe.ts'
import { requestsOnly } from './read-events.ts'
import { openSingle } from './read-single.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'

/** Rows that tell which columns have few texts. */
const SAMPLE = kql`take 2000`

/**
 * The dataframe with `dictionary: 'auto'` replaced by the string columns of few distinct texts in a sample of its rows,
 * so that every mode and partition encodes the same columns. Verbs that are applied on this side are applied to the
 * sample. Costs one small query; nothing when columns are named.
 */
export async function resolveDictionary(context: SourceContext, frame: Dataframe): Promise<Dataframe> {
  const { source, applied, settings } = frame
  if (settings.types.dictionary !== 'auto') return frame
  const quiet: ReadSettings = {
    ...settings,
    types: losslessTypes(settings.types),
    batchRows: 65_536,
    onEvent: requestsOnly(settings.onEvent),
  }
  const opened = await openSingle(context, { query: source.query, operators: [...source.operators, SAMPLE] }, quiet)
  try {
    const sample = applyVerbs(opened, applied)
    const batches: RecordBatch[] = []
    for await (const batch of sample.batches) batches.push(batch)
    const dictionary = columnsOfFewTexts(joinBatches(sample.schema, batches))
    return { ...frame, settings: { ...settings, types: { ...settings.types, dictionary } } }
  } finally {
    await opened.close()
  }
}
