import { describe, expect, it } from 'vitest'
import { CommandRow } from '../../src/client/command-table.ts'
import { awaitMove } from '../../src/sink/await-move.ts'
import type { MoveEnd } from '../../src/sink/await-move.ts'
import type { SinkContext } from '../../src/sink/sink-context.ts'

const SAID = "access to 'https://a.blob.core.windows.net/c/b?sv=1&sig=hidden' was denied"

const row = (cells: Readonly<Record<string, string>>): CommandRow =>
  new CommandRow(Object.values(cells), new Map(Object.keys(cells).map((name, at) => [name, at])))

function endOf(state: string): Promise<MoveEnd> {
  const command = async (csl: { readonly text: string }): Promise<readonly CommandRow[]> =>
    csl.text.startsWith('.show operations')
      ? [row({ State: state, Status: SAID })]
      : [row({ OriginalExtentId: 'A', ResultExtentId: 'Failed', Details: SAID })]
  return awaitMove({ command } as unknown as SinkContext, {
    operationId: '00000000-0000-0000-0000-000000000000',
    timeoutMs: 1_000,
    signal: undefined,
    sleep: () => Promise.resolve(),
  })
}

describe('the end of a move', () => {
  it('is told in the words of the service without the signatures in them', async () => {
    const told = "access to 'https://a.blob.core.windows.net/c/b?****' was denied"
    expect(await endOf('Failed')).toMatchObject({ error: { message: expect.stringContaining(told) } })
    expect(await endOf('Completed')).toEqual({
      kind: 'completed',
      rows: [{ from: 'a', isMoved: false, details: told }],
    })
  })
})
