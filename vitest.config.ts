import { availableParallelism } from 'node:os'
import { defineConfig, type Plugin } from 'vitest/config'

const src = new URL('./src/', import.meta.url).href

/**
 * Worker threads and child processes load compiled files, because Node 20 does not strip types. Code under test
 * runs from src/, so its `new URL('./x.js', import.meta.url)` must resolve against dist/.
 */
const compiledWorkers: Plugin = {
  name: 'compiled-workers',
  enforce: 'pre',
  transform(code, id) {
    const url = `file://${id}`
    if (!url.startsWith(src) || !code.includes('import.meta.url')) return null
    const compiled = url.replace(src, new URL('./dist/', import.meta.url).href).replace(/\.ts$/, '.js')
    return code.replaceAll(/new URL\(('[^']+\.js'), import\.meta\.url\)/g, `new URL($1, '${compiled}')`)
  },
}

export default defineConfig({
  plugins: [compiledWorkers],
  test: {
    include: ['test/**/*.test.ts'],
    // Most files wait for services of their own most of the time, so two at once are quicker even on one core.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
  },
})
