import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { paintFor } from '../../src/cli/ansi.ts'
import { terminalTable } from '../../src/cli/terminal-table.ts'
import { cutToWidth, padToWidth, textWidth, visible } from '../../src/cli/text-width.ts'
import { memoryIo } from './memory-io.ts'

const paint = paintFor(memoryIo().io.stdout, {}, false)

describe('the width of text on a terminal', () => {
  it.each([
    ['abc', 3],
    ['東京', 4],
    ['ﾊﾝｶｸ', 4],
    ['e\u0301', 1],
    ['नमस्ते', 4],
    ['👍', 2],
    ['👩‍👩‍👧', 2],
    ['🇨🇭', 2],
    ['❤️', 2],
    ['القاهرة', 7],
    ['', 0],
  ])('of %s is %d', (text, width) => {
    expect(textWidth(text)).toBe(width)
  })

  it('is never more than asked for after a cut, and the cut is marked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, width) => {
        const cut = cutToWidth(text, width)
        expect(textWidth(cut)).toBeLessThanOrEqual(Math.max(width, 1))
        if (textWidth(text) > width) expect(cut.endsWith('…')).toBe(true)
        else expect(cut).toBe(text)
      }),
    )
  })

  it('is exactly what is asked for after padding', () => {
    expect(padToWidth('東京', 6, 'right')).toBe('  東京')
    expect(padToWidth('ab', 4, 'left')).toBe('ab  ')
  })

  it('lets no character through that moves the cursor or turns the direction', () => {
    expect(visible('a\tb\nc\u001B[31m\u0007\u202Ed\u2028')).toBe('a\\tb\\nc\\x1b[31m\\x07\\u{202e}d\\u{2028}')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u)
      }),
    )
  })
})

describe('a table on a terminal', () => {
  it('aligns names, types and cells of any script, and dims null', () => {
    const table = terminalTable(
      [
        { name: 'Id', type: 'long', align: 'right' },
        { name: 'City', type: 'string' },
        { name: 'Note', type: 'string' },
      ],
      [
        ['1', '東京', 'x'],
        ['22', 'Zürich', null],
      ],
      { paint },
    )
    expect(table).toBe(
      '  Id  City    Note\nlong  string  string\n────  ──────  ──────\n   1  東京    x\n  22  Zürich  null\n',
    )
  })

  it('never has a line wider than the terminal, and loses no column', () => {
    const cell = fc.option(fc.string({ unit: 'grapheme', maxLength: 40 }), { nil: null })
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 9, maxLength: 9 }), { maxLength: 5 }),
        fc.integer({ min: 20, max: 120 }),
        (rows, width) => {
          const columns = Array.from({ length: 9 }, (_, index) => ({ name: `Column${index}` }))
          const table = terminalTable(columns, rows, { paint, width })
          for (const line of table.split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(width)
          for (const { name } of columns) expect(table).toContain(name)
        },
      ),
    )
  })

  it('cuts text and leaves numbers and times whole', () => {
    const columns = [{ name: 'Time', isWhole: true }, { name: 'Text' }]
    const table = terminalTable(columns, [['2026-01-01T00:00:00Z', 'a long text that has to give way']], {
      paint,
      width: 40,
    })
    expect(table).toContain('2026-01-01T00:00:00Z  a long text that …')
  })

  it('goes on below with the columns that do not fit beside the others', () => {
    const columns = ['A', 'B', 'C'].map((name) => ({ name, isWhole: true }))
    const blocks = terminalTable(columns, [['1'.repeat(12), '2'.repeat(12), '3'.repeat(12)]], {
      paint,
      width: 30,
    }).split('\n\n')
    expect(blocks.map((block) => block.split('\n')[0]?.trim().split(/ +/))).toEqual([['A', 'B'], ['C']])
  })

  it.each([
    [{}, true, true],
    [{ NO_COLOR: '1' }, true, false],
    [{ TERM: 'dumb' }, true, false],
    [{ CI: 'true' }, true, false],
    [{}, false, false],
  ])('has colour with the variables %j on a terminal: %s', (env, isTTY, hasColor) => {
    const { io } = memoryIo({ isTTY })
    expect(paintFor(io.stdout, env, false).red('x') !== 'x').toBe(hasColor)
    expect(paintFor(io.stdout, env, true).red('x')).toBe('x')
  })
})
