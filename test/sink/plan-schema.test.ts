import { describe, expect, it } from 'vitest'
import type { KustoColumn } from '../../src/arrow/scalar-types.ts'
import { planSchema } from '../../src/sink/plan-schema.ts'
import type { AdjustSchema, CreateMode, SchemaPlan } from '../../src/sink/plan-schema.ts'

const columns = (text: string): readonly KustoColumn[] =>
  text.split(',').map((part) => {
    const [name = '', type = ''] = part.split(':')
    return { name, type: type as KustoColumn['type'] }
  })

const plan = (
  source: string,
  target: string | undefined,
  adjustSchema: AdjustSchema = 'ByName',
  create: CreateMode = 'FailIfNotExist',
): SchemaPlan =>
  planSchema({
    table: 'T',
    source: columns(source),
    target: target === undefined ? undefined : columns(target),
    create,
    adjustSchema,
  })

describe('planSchema', () => {
  it('creates a missing table with exactly the source columns', () => {
    expect(plan('a:long,b:string', undefined, 'ByName', 'CreateIfNotExist')).toEqual({
      create: columns('a:long,b:string'),
      add: [],
      targets: [
        { source: 'a', column: { name: 'a', type: 'long' } },
        { source: 'b', column: { name: 'b', type: 'string' } },
      ],
      empty: [],
    })
  })

  it('refuses a missing table unless it may create it', () => {
    expect(() => plan('a:long', undefined)).toThrow(/does not exist.*CreateIfNotExist/)
  })

  it('maps by name in any order and leaves missing columns empty', () => {
    expect(plan('b:string,a:long', 'a:long,b:string,c:real')).toMatchObject({
      targets: [{ source: 'b' }, { source: 'a' }],
      empty: ['c'],
    })
  })

  it('names every unknown column and points at a name that differs only in case', () => {
    expect(() => plan('A:long,x:real', 'a:long')).toThrow(
      /A:long is not in the table .*the table has a.*x:real is not in the table/,
    )
  })

  it('takes a narrower source type and encodes it as the table type', () => {
    expect(plan('a:int', 'a:long').targets).toEqual([{ source: 'a', column: { name: 'a', type: 'long' } }])
  })

  it.each(['a:long|a:int', 'a:real|a:long', 'a:string|a:datetime', 'a:long|a:real', 'a:string|a:guid'])(
    'refuses %s, where the service would lose the value in silence',
    (pair) => {
      const [source = '', target = ''] = pair.split('|')
      expect(() => plan(source, target)).toThrow(/the table has .*cast it/)
    },
  )

  it('adds unknown columns only when asked', () => {
    expect(plan('a:long,x:real', 'a:long', 'AddColumns').add).toEqual(columns('x:real'))
  })

  it('maps by position whatever the names', () => {
    expect(plan('x:long,y:string', 'a:long,b:string,c:real', 'NoAdjustment')).toMatchObject({
      targets: [
        { source: 'x', column: { name: 'a' } },
        { source: 'y', column: { name: 'b' } },
      ],
      empty: ['c'],
    })
  })

  it('shows each difference when names, order and types must match', () => {
    expect(() => plan('b:string,a:long', 'a:long,b:string', 'FailIfNotMatch')).toThrow(
      /column 0: expected a:long, found b:string; column 1: expected b:string, found a:long/,
    )
    expect(plan('a:long,b:string', 'a:long,b:string', 'FailIfNotMatch').empty).toEqual([])
  })
})
