import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDuck, type Duck } from '../../../src/local/engine/duck.ts'

let duck: Duck

beforeEach(async () => {
  duck = await openDuck()
})

afterEach(async () => {
  await duck.close()
})

test('streams a result in chunks whose rows add up', async () => {
  const session = await duck.connect()
  let rows = 0
  for await (const chunk of session.chunks('select i from range(100000) r(i)')) rows += chunk.rowCount
  expect(rows).toBe(100_000)
})

test('reads 64-bit integers exactly', async () => {
  const session = await duck.connect()
  expect(await session.rows('select 9007199254740993::bigint')).toEqual([[9_007_199_254_740_993n]])
})

test('sees what another session committed', async () => {
  const [writer, reader] = [await duck.connect(), await duck.connect()]
  await writer.run('create table t as select 1 a')
  expect(await reader.rows('select * from t')).toEqual([[1]])
})

test('interrupts a running statement within a tenth of a second', async () => {
  const session = await duck.connect()
  const running = session.rows('select sum(a.i * b.i) from range(10000000) a(i), range(10000000) b(i)')
  const failed = expect(running).rejects.toThrow('INTERRUPT')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const started = performance.now()
  session.interrupt()
  await failed
  expect(performance.now() - started).toBeLessThan(100)
})

test('interrupts a statement at whatever stage it is', async () => {
  const endless = 'select sum(a.i * b.i) from range(10000000) a(i), range(10000000) b(i)'
  for (const waitMs of [0, 1, 2, 5]) {
    const session = await duck.connect()
    const reading = (async () => {
      for await (const chunk of session.chunks(endless)) expect(chunk.rowCount).toBe(0)
    })()
    const failed = expect(reading).rejects.toThrow('INTERRUPT')
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    session.interrupt()
    await failed
    session.close()
  }
})

test('runs nothing more in a session that was interrupted while idle', async () => {
  const session = await duck.connect()
  session.interrupt()
  await expect(session.rows('select 1')).rejects.toThrow('INTERRUPT')
})

test('can be closed while a result is being streamed', async () => {
  const session = await duck.connect()
  const reading = (async () => {
    for await (const chunk of session.chunks('select sum(i) from range(1000000000) r(i) group by i % 7'))
      expect(chunk.rowCount).toBe(0)
  })()
  const failed = expect(reading).rejects.toThrow('INTERRUPT')
  await new Promise((resolve) => setTimeout(resolve, 50))
  await duck.close()
  await failed
})

test('stops computing when the reader stops reading', async () => {
  const session = await duck.connect()
  for await (const chunk of session.chunks('select i from range(1000000000) r(i)')) {
    expect(chunk.rowCount).toBeGreaterThan(0)
    break
  }
  session.close()
  await duck.close()
})

test('leaves no spill folder behind', async () => {
  const temporary = process.env['TMPDIR']
  const folder = mkdtempSync(join(tmpdir(), 'kusto-arrow-test-'))
  process.env['TMPDIR'] = folder
  try {
    const other = await openDuck()
    expect(readdirSync(folder)).toHaveLength(1)
    await other.close()
    await other.close()
    expect(readdirSync(folder)).toEqual([])
  } finally {
    if (temporary === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = temporary
    rmSync(folder, { recursive: true })
  }
})

test('opens a file once in one process, whatever it is called, and again after its end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'duck-file-'))
  const path = join(folder, 'kusto.duckdb')
  try {
    const [first, second] = await Promise.allSettled([
      openDuck({ path }),
      openDuck({ path: `${folder}/./kusto.duckdb` }),
    ])
    const opened = [first, second].flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const refused = [first, second].flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []))
    expect(refused).toMatchObject([{ code: 'LOCAL_DATA_IN_USE' }])
    for (const each of opened) await each.close()
    await (await openDuck({ path })).close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('says that a file is damaged, not that somebody uses it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'duck-damaged-'))
  const path = join(folder, 'kusto.duckdb')
  try {
    const whole = await openDuck({ path })
    await (await whole.connect()).run('create table t as select i from range(200000) r(i)')
    await whole.close()
    const good = readFileSync(path)
    const damages = new Map<string, Buffer>([
      ['no database', Buffer.from('text '.repeat(10_000))],
      ['cut in the middle', good.subarray(0, good.length >> 1)],
      ['blocks with other bytes', damaged(good, 12_388, 262_144)],
      ['headers with other bytes', damaged(good.subarray(0, 12_288), 4104, 4096)],
    ])
    for (const [damage, bytes] of damages) {
      writeFileSync(path, bytes)
      await expect(openDuck({ path }), damage).rejects.toMatchObject({ code: 'LOCAL_DATA_UNREADABLE' })
    }
    writeFileSync(path, good)
    await (await openDuck({ path })).close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** The file with some bytes overwritten at this place and at every step from there. */
function damaged(file: Buffer, first: number, step: number): Buffer {
  const copy = Buffer.from(file)
  for (let at = first; at < copy.length; at += step) copy.fill(0x58, at, at + 64)
  return copy
}
