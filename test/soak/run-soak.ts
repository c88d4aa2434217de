import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { scheduleOf } from './schedule.ts'
import { Soak } from './soak.ts'

/** `npm run soak -- --schedules 1000 --seed 1 --commit tag --parallel 2` */
const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    commit: { type: 'string', default: 'tag' },
    parallel: { type: 'string', default: '2' },
  },
})
const { commit } = values
if (commit !== 'tag' && commit !== 'staging-table')
  throw new Error(`expected --commit tag or staging-table, found ${commit}`)
const [count, first, parallel] = [Number(values.schedules), Number(values.seed), Number(values.parallel)]
const started = performance.now()
const soak = await Soak.start(fileURLToPath(new URL('./soak-child.js', import.meta.url)), parallel + 1)
process.once('SIGINT', () => soak.stop())
try {
  let told = 0
  await soak.runAll(
    Array.from({ length: count }, (_, index) => scheduleOf(first + index, commit)),
    parallel,
    () => {
      for (const failure of soak.failures.slice(told)) console.error(failure)
      told = soak.failures.length
      const { schedules } = soak.totals
      if (schedules % 25 === 0)
        console.error(`${schedules} of ${count}, ${Math.round((performance.now() - started) / 1000)} s`)
    },
  )
  await soak.finish()
  const seconds = Math.round((performance.now() - started) / 1000)
  console.log(
    JSON.stringify({
      soak: 'exactly-once',
      commit,
      seed: first,
      seconds,
      ...soak.totals,
      failures: soak.failures.length,
    }),
  )
  if (soak.failures.length > 0) process.exitCode = 1
} finally {
  await soak[Symbol.asyncDispose]()
}
