import { expect, it } from 'vitest'
import { errorData, errorFromData } from '../../src/base/error-transfer.ts'

it('an error that is its own cause crosses to another thread', () => {
  const error = new Error('round')
  error.cause = new Error('and round', { cause: error })
  const back = errorFromData(structuredClone(errorData(error)))
  expect([back.message, (back.cause as Error).message]).toEqual(['round', 'and round'])
})

it.each([[Object.create(null)], [Symbol('s')], [() => 1], [undefined], [null], [5n], ['text']])(
  'what was thrown crosses to another thread though it is no error: %#',
  (thrown: unknown) => {
    expect(errorFromData(structuredClone(errorData(thrown)))).toBeInstanceOf(Error)
  },
)

it('an error with parts that no message can carry crosses to another thread', () => {
  const error = Object.assign(new Error('x'), { message: () => 1, name: Symbol('n'), stack: () => 2 })
  expect(errorFromData(structuredClone(errorData(error)))).toBeInstanceOf(Error)
})
