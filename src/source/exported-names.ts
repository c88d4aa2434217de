import type { KustoColumn } from '../arrow/scalar-types.ts'

/**
 * What columns are called in exported files. Kusto tells names apart by case and many readers of Parquet do not, so of names
 * that differ in nothing else all but the first get a number. Depends on the columns alone: whoever reads a plan agrees.
 */
export function exportedNames(columns: readonly KustoColumn[]): readonly string[] {
  const folded = columns.map(({ name }) => name.toLowerCase())
  const taken = new Set(folded)
  return columns.map(({ name }, index) => {
    if (folded.indexOf(folded[index] ?? '') === index) return name
    let number = 2
    while (taken.has(`${folded[index]}_${number}`)) number++
    taken.add(`${folded[index]}_${number}`)
    return `${name}_${number}`
  })
}
