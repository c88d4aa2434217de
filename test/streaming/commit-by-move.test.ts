import { expect, it } from 'vitest'
import { moveExtentsById } from '../../src/kql/commands/extent-commands.ts'

it('streaming:C33 extents get a new ingestion time when they are moved, so that materialized views see their rows', () => {
  const extentIds = ['11111111-2222-4333-8444-555555555555']
  const window = { from: new Date(1_000), to: new Date(2_000) }
  const command = String(moveExtentsById({ from: 'Staging', to: 'Target', extentIds, window }))
  expect(command).toMatch(
    /^\.move async extents from table \['Staging'\] to table \['Target'\] with \(setNewIngestionTime=true/,
  )
})
