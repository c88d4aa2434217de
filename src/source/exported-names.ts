import type { KustoColumn } from '../arrow/scalar-types.ts'

/**
 * What columns are called in exported files. Kusto tells names apart by case and many readers of Parquet do not, so of names
 * that differ in nothing else all but the first get a number. So do names that begin with a byte order mark, which readers
 * of Arrow take off. Depends on the columns alone: whoever reads a plan agrees.
 */
export function exportedNames(columns: readonly KustoColumn[]): readonly string[] {
  const plain = columns.map(({ name }) => name.replace(/^\uFEFF+/, ''))
  const folded = plain.map((name) => name.toLowerCase())
  const taken = new Set(folded)
  return columns.map(({ name }, index) => {
    if (plain[index] === name && folded.indexOf(folded[index] ?? '') === index) return name
    let number = 2
    while (taken.has(`${folded[index]}_${number}`)) number++
    taken.add(`${folded[index]}_${number}`)
    return `${plain[index]}_${number}`
  })
}
