import type { ReadOptions } from '../index.ts'

/** Times as ticks and decimals as text: the text formats then have every digit. */
export const TEXT_TYPES: Required<Pick<ReadOptions, 'types'>> = {
  types: { datetime: 'ticks', timespan: 'ticks', decimal: 'text' },
}
