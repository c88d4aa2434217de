import { expect, it } from 'vitest'
import { sliceBytesOf } from '../../src/arrow/slice-bytes.ts'

it('slices are a megabyte for few columns, more for many, and never more than four', () => {
  const MB = 1024 * 1024
  expect([0, 1, 5, 6, 16, 22, 1000].map((columns) => sliceBytesOf(columns) / MB)).toEqual([1, 1, 1, 1.125, 3, 4, 4])
})
