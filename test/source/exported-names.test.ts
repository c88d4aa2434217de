import fc from 'fast-check'
import { expect, it } from 'vitest'
import { exportedNames } from '../../src/source/exported-names.ts'

const columnsNamed = (names: readonly string[]) => names.map((name) => ({ name, type: 'long' as const }))

it('leaves names alone that differ in more than case', () => {
  expect(exportedNames(columnsNamed(['a', 'b', 'A b']))).toEqual(['a', 'b', 'A b'])
  expect(exportedNames(columnsNamed(['a', 'A', 'a_2']))).toEqual(['a', 'A_3', 'a_2'])
  expect(exportedNames(columnsNamed(['x', '\uFEFFx', '\uFEFF']))).toEqual(['x', 'x_2', '_2'])
})

it('tells all others apart, whatever they are', () => {
  const name = fc.oneof(fc.stringMatching(/^[aAbB](_[23])?$/), fc.string({ minLength: 1, maxLength: 3 }))
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 20 }), (names) => {
      const exported = exportedNames(columnsNamed(names))
      expect(new Set(exported.map((each) => each.toLowerCase())).size).toBe(names.length)
      const first = new Map(names.toReversed().map((each) => [each.toLowerCase(), each]))
      for (const [index, each] of names.entries())
        if (first.get(each.toLowerCase()) === each) expect(exported[index]).toBe(each)
    }),
  )
})
