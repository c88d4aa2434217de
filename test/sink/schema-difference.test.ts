import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KustoColumn } from '../../src/arrow/scalar-types.ts'
import { describeDifference, schemaDifferences } from '../../src/sink/schema-difference.ts'

const columns = fc
  .uniqueArray(
    fc.record({ name: fc.constantFrom('a', 'A', 'b', 'c', 'd'), type: fc.constantFrom('int', 'string', 'guid') }),
    { selector: ({ name }) => name },
  )
  .map((list): readonly KustoColumn[] => list as readonly KustoColumn[])

describe('schemaDifferences', () => {
  it('finds none between equal schemas only', () => {
    fc.assert(
      fc.property(columns, columns, (data, table) => {
        const differences = schemaDifferences(data, table)
        expect(differences.length === 0).toBe(JSON.stringify(data) === JSON.stringify(table))
        for (const difference of differences) expect(describeDifference(difference)).toContain(`${difference.column}: `)
      }),
    )
  })

  it('says of both sides the same', () => {
    fc.assert(
      fc.property(columns, columns, (data, table) => {
        const names = (kind: string, from: readonly KustoColumn[], to: readonly KustoColumn[]): readonly string[] =>
          schemaDifferences(from, to)
            .filter((difference) => difference.kind === kind)
            .map(({ column }) => column)
            .toSorted((a, b) => (a < b ? -1 : 1))
        expect(names('only-in-data', data, table)).toEqual(names('only-in-table', table, data))
        expect(names('type', data, table)).toEqual(names('type', table, data))
        expect(names('position', data, table)).toEqual(names('position', table, data))
      }),
    )
  })
})
