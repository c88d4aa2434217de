import { afterAll, beforeAll, expect, it } from 'vitest'
import { splitScript } from '../../../src/local/commands/script-commands.ts'
import { openCommandBench, type CommandBench } from './command-bench.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await openCommandBench()
})
afterAll(() => bench.close())

it('runs the commands of a script in their order and tells of each', async () => {
  const rows = await bench.rows(`.execute database script with (ThrowOnErrors=true) <|
//
// Create tables
.create table A (a:long, b:string) with (hidden=true)

.alter table A policy retention '{"SoftDeletePeriod":"7.00:00:00","Recoverability":"Disabled"}'
.alter-merge table A policy merge
  '{"AllowMerge":false}'
.show tables`)
  expect(rows.map(({ CommandType, Result }) => [CommandType, Result])).toEqual([
    ['TableCreate', 'Completed'],
    ['RetentionPolicyAlter', 'Completed'],
    ['MergePolicyAlterMerge', 'Completed'],
    ['', 'Skipped'],
  ])
  expect(await bench.rows('.show tables | where TableName == "A"')).toEqual([])
  expect(await bench.rows('.show table A policy merge')).toMatchObject([
    { Policy: expect.stringContaining('"AllowMerge":false') },
  ])
})

it('stops at the first failure, tells it as the script wants, and undoes nothing', async () => {
  const script = '.create table B (a:long)\n.drop table Missing\n.create table C (a:long)'
  expect(await bench.rows(`.execute database script <|\n${script}`)).toMatchObject([
    { Result: 'Completed' },
    { Result: 'Failed', Reason: expect.stringContaining('Missing') },
  ])
  expect(bench.services.catalog.table('db1', 'B')).toBeDefined()
  expect(bench.services.catalog.table('db1', 'C')).toBeUndefined()
  await expect(bench.run(`.execute database script with (ThrowOnErrors=true) <|\n${script}`)).rejects.toMatchObject({
    code: 'BadRequest_EntityNotFound',
  })
  expect(await bench.rows(`.execute database script with (ContinueOnErrors=true) <|\n${script}`)).toMatchObject([
    { Result: 'Completed' },
    { Result: 'Failed' },
    { Result: 'Completed' },
  ])
  expect(bench.services.catalog.table('db1', 'C')).toBeDefined()
})

it('takes a dot for the start of a command only at the beginning of a line and outside of texts', () => {
  const script = ".create table A (a:long) // x\n .alter table A docstring '\\n.drop table A'\n.drop column A\n  .b"
  expect(splitScript(script)).toEqual([
    '.create table A (a:long) // x',
    ".alter table A docstring '\\n.drop table A'",
    '.drop column A',
    '.b',
  ])
  expect(() => splitScript('print 1\n.create table A (a:long)')).toThrow(/list of commands/)
  expect(() => splitScript('// nothing')).toThrow(/no command/)
})

it('refuses a script in a script', async () => {
  await expect(
    bench.run('.execute database script <|\n.execute database script <|\n.create table X (a:int)'),
  ).rejects.toThrow(/in a script/)
})
