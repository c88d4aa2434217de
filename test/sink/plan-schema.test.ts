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
      columns: columns('a:long,b:string'),
      empty: [],
      isWhole: true,
    })
  })

  it('needs no columns for a table that exists, since none come with no rows', () => {
    const nothing = { table: 'T', source: [], create: 'CreateIfNotExist', adjustSchema: 'ByName' } as const
    expect(planSchema({ ...nothing, target: columns('a:long') })).toMatchObject({ targets: [], empty: ['a'] })
    expect(() => planSchema({ ...nothing, target: undefined })).toThrow(/at least one column/)
  })

  it('tells whether the data fill the table in its order, added columns included', () => {
    expect(plan('a:long,b:string', 'a:long,b:string').isWhole).toBe(true)
    expect(plan('b:string,a:long', 'a:long,b:string').isWhole).toBe(false)
    expect(plan('a:long', 'a:long,b:string').isWhole).toBe(false)
    expect(plan('a:long,x:real', 'a:long', 'AddColumns').isWhole).toBe(true)
    expect(plan('x:long,y:string', 'a:long,b:string', 'NoAdjustment').isWhole).toBe(true)
  })

  it('takes what a source column says it fits besides its own type, and creates its own', () => {
    const input = { table: 'T', source: [{ name: 'a', type: 'long', takes: ['int', 'real'] }] } as const
    const how = { create: 'CreateIfNotExist', adjustSchema: 'ByName' } as const
    expect(planSchema({ ...input, ...how, target: columns('a:int') }).targets[0]?.column.type).toBe('int')
    expect(() => planSchema({ ...input, ...how, target: columns('a:bool') })).toThrow(/the table has bool/)
    expect(planSchema({ ...input, ...how, target: undefined }).create).toEqual(columns('a:long'))
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
