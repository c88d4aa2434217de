import { describe, expect, it } from 'vitest'
import { benchmarkCharts } from '../../src/benchmark/benchmark-charts.ts'
import { benchmarkReport } from '../../src/benchmark/benchmark-report.ts'
import { benchmarkText } from '../../src/benchmark/benchmark-text.ts'
import { drawChart } from '../../src/benchmark/draw-chart.ts'
import { around, resultOf } from './made-up-result.ts'

const result = resultOf([4, 3, 2.5, 2, 1.5, 1.2, 1].map(around))

/** Every tag of the page, closed in the order it was opened; those that close themselves are left out. */
function unbalanced(html: string): readonly string[] {
  const open: string[] = []
  const wrong: string[] = []
  const text = html.replace(/<style>[\s\S]*?<\/style>/, '').replace('<!doctype html>', '')
  for (const [, close, name = '', self] of text.matchAll(/<(\/?)([a-z][\w-]*)(?:[^<>"]|"[^"]*")*?(\/?)>/gi)) {
    if (self === '/' || ['meta', 'br', 'link'].includes(name)) continue
    if (close === '') open.push(name)
    else if (open.pop() !== name) wrong.push(name)
  }
  return [...wrong, ...open]
}

describe('the report of a benchmark', () => {
  it('needs nothing else: no script, no address but the names of namespaces', async () => {
    const html = await benchmarkReport(result)
    const addresses = new Set(html.match(/[a-z]+:\/\/[^"'\s<>)]+/gi))
    expect([...addresses].toSorted()).toEqual(['http://www.w3.org/1999/xlink', 'http://www.w3.org/2000/svg'])
    expect(html).not.toMatch(/<(script|link|img|iframe|object)\b/i)
    expect(html).not.toMatch(/\b(src|href|xlink:href)=/i)
    expect(html).not.toMatch(/url\(|@import|\son[a-z]+=/i)
    expect(unbalanced(html)).toEqual([])
  })

  it('has each chart with a name, wide and narrow, and its numbers below', async () => {
    const html = await benchmarkReport(JSON.stringify(result))
    const charts = benchmarkCharts(result)
    expect(charts.map(({ id }) => id)).toEqual(['throughput', 'sweep', 'scaling', 'phases', 'memory'])
    for (const { id, title, rows } of charts) {
      const [section = ''] = html.match(new RegExp(`<section aria-labelledby="${id}">[\\s\\S]*?</section>`)) ?? []
      expect(section).toContain(`<h2 id="${id}">${title}</h2>`)
      for (const size of ['wide', 'narrow']) {
        expect(section).toContain(`role="img" aria-labelledby="${id}-${size}"`)
        expect(section).toContain(`<title id="${id}-${size}">${title}</title>`)
      }
      expect(section.match(/<tr>/g)?.length).toBe(rows.length + 1)
      expect(section).toMatch(/<table><caption>/)
      expect(section.match(/<th scope="col"/g)?.length).toBeGreaterThan(2)
    }
    expect(html).toContain('<html lang="en">')
    expect(html).toContain('prefers-color-scheme: dark')
  })

  it('draws charts in the colour of the text around them, so that they are seen on dark and light', async () => {
    const html = await benchmarkReport(result)
    const charts = html.match(/<svg[\s\S]*?<\/svg>/g) ?? []
    expect(charts.length).toBe(10)
    for (const chart of charts) {
      expect(chart).not.toMatch(/(fill|stroke)="(black|white|#000|#fff|#000000|#ffffff)"/i)
      expect(chart).toContain('currentColor')
    }
  })

  it('orders sizes by their numbers and not by their texts', async () => {
    const sweep = resultOf([2, 1, 1.5, 1.2].map(around), {
      subject: 'write',
      configurations: [
        [67_108_864, 1],
        [8_388_608, 3],
        [8_388_608, 1],
        [67_108_864, 3],
      ].map(([maxBlobBytes = 0, uploads = 0], index) => {
        const id = `c${index + 1}`
        return { id, label: id, parameters: { format: 'parquet', maxBlobBytes, uploads } }
      }),
    })
    const chart = benchmarkCharts(sweep).find(({ id }) => id === 'sweep')
    const svg = await drawChart(chart?.spec({ width: 400, isNarrow: false, theme: 'page' }) ?? {})
    expect(svg.match(/>(8 MiB|64 MiB)</g)).toEqual(['>8 MiB<', '>64 MiB<'])
  })

  it('begins with the recommendation, and does not take text of the query for markup', async () => {
    const html = await benchmarkReport(result)
    expect(html).toContain(`<p class="answer">${result.recommendation.sentence.replaceAll('"', '&quot;')}</p>`)
    expect(html).toContain('&quot;a &lt;b&gt; &amp; c&quot;')
  })

  it('says in plain words that the embedded Kusto measures the client, there and in the terminal', async () => {
    const sentence = 'it measures the client and this machine, not Kusto'
    const embedded = resultOf([around(1)], { service: { ...result.service, isEmbedded: true } })
    expect(await benchmarkReport(embedded)).toContain(sentence)
    expect(benchmarkText(embedded)).toContain(sentence)
    expect(await benchmarkReport(result)).not.toContain(sentence)
    expect(benchmarkText(result)).not.toContain(sentence)
  })

  it('shows runs that failed or gave other rows as errors', async () => {
    const error = { code: 'KUSTO_BENCHMARK_ROWS_DIFFER', message: 'expected 1000 rows as most runs gave, found 999' }
    const bad = resultOf([around(1)], {
      runs: [
        { configuration: 'c1', round: 1, outcome: 'different', error, answer: 1 },
        { configuration: 'c2', round: 1, outcome: 'failed', error: { code: 'X', message: 'storage is away' } },
      ],
      answers: [
        { rows: 1000, columns: {} },
        { rows: 999, columns: {} },
      ],
    })
    const html = await benchmarkReport(bad)
    expect(html.match(/class="note bad" role="alert"/g)?.length).toBe(3)
    const text = benchmarkText(bad)
    expect(text).toContain('ERROR: single query gave other rows, so its time does not count: expected 1000 rows')
    expect(text).toContain('ERROR: 1 partition, 1 worker, snappy failed: storage is away')
    expect(text).toContain('ERROR: the runs did not all give the same rows.')
  })

  it('tells that it ended early, and that the machine was shared', () => {
    const text = benchmarkText(
      resultOf([around(1), [1, 1]], { end: 'aborted', machine: { ...result.machine, load: 9 } }),
    )
    expect(text).toContain('interrupted; what was measured until then is shown. Of 5 repetitions it made 2 to 5.')
    expect(text).toContain('load 9 on 2 cores')
  })

  it('is made of a result with nothing measured as well', async () => {
    const empty = resultOf([])
    expect(await benchmarkReport(empty)).toContain('Nothing was measured')
    expect(benchmarkText(empty)).toContain('Nothing was measured')
  })

  it('fetches nothing for a chart, even when its specification asks for it', async () => {
    const spec = {
      data: { url: 'http://127.0.0.1:9/data.json' },
      mark: 'bar',
      encoding: { x: { field: 'a', type: 'quantitative' } },
    }
    await expect(drawChart(spec)).resolves.not.toContain('127.0.0.1')
  })
})
