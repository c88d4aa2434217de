import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { scheduleOf } from './schedule.ts'
import { Soak } from './soak.ts'
import { steady } from './steady.ts'

/**
 * `npm run soak -- --schedules 1000 --seed 1 --commit tag --parallel 2`: writers that are killed, and every row counted.
 * `npm run soak -- --minutes 30`: one writer that lives on among faults, and what its process holds.
 */
const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    commit: { type: 'string', default: 'tag' },
    parallel: { type: 'string', default: '2' },
    minutes: { type: 'string' },
  },
})
const started = performance.now()
const elapsed = (): number => Math.round((performance.now() - started) / 1000)
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

if (values.minutes === undefined) await killed()
else await lasting(Number(values.minutes))

async function killed(): Promise<void> {
  const { commit } = values
  if (commit !== 'tag' && commit !== 'staging-table') {
    throw new Error(`expected --commit tag or staging-table, found ${commit}`)
  }
  const [count, first, parallel] = [Number(values.schedules), Number(values.seed), Number(values.parallel)]
  await using soak = await Soak.start(script('./soak-child.js'), parallel + 1)
  process.once('SIGINT', () => soak.stop())
  let told = 0
  const schedules = Array.from({ length: count }, (_, index) => scheduleOf(first + index, commit))
  await soak.runAll(schedules, parallel, () => {
    for (const failure of soak.failures.slice(told)) console.error(failure)
    told = soak.failures.length
    const done = soak.totals.schedules
    if (done % 25 === 0) console.error(`${done} of ${count}, ${elapsed()} s`)
  })
  await soak.finish()
  const failures = soak.failures.length
  console.log(
    JSON.stringify({ soak: 'exactly-once', commit, seed: first, seconds: elapsed(), ...soak.totals, failures }),
  )
  if (failures > 0) process.exitCode = 1
}

async function lasting(minutes: number): Promise<void> {
  const { samples, grown, ...totals } = await steady(script('./steady-child.js'), {
    minutes,
    seed: Number(values.seed),
    onSample: (sample) => console.error(JSON.stringify(sample)),
  })
  console.log(JSON.stringify({ soak: 'steady', seconds: elapsed(), ...totals, grown, last: samples.at(-1) }))
  if (grown.length + totals.lost + totals.duplicated > 0) process.exitCode = 1
}
