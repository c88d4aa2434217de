import type { TopLevelSpec } from 'vega-lite'
import { KustoUsageError } from '../errors.ts'
import type { ChartSpec } from './chart-spec.ts'

/**
 * The chart as an SVG element, drawn here and without a browser; nothing is fetched.
 * @throws {KustoUsageError} KUSTO_PEER_MISSING when `vega` or `vega-lite`, which are optional, are not installed
 */
export async function drawChart(spec: ChartSpec): Promise<string> {
  const { vega, vegaLite } = await loadVega()
  // A specification is plain JSON; its type names every one of its thousands of forms.
  const { spec: compiled } = vegaLite.compile(spec as unknown as TopLevelSpec)
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logLevel: vega.Error, loader: noLoader(vega) })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

async function loadVega(): Promise<{
  readonly vega: typeof import('vega')
  readonly vegaLite: typeof import('vega-lite')
}> {
  try {
    const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')])
    return { vega, vegaLite }
  } catch (cause) {
    throw new KustoUsageError(
      'KUSTO_PEER_MISSING',
      'charts need packages that are not installed: npm install --save-dev vega@6.4.0 vega-lite@6.4.3',
      { cause },
    )
  }
}

/** Data stand in the specification; an address in it is a mistake. */
function noLoader(vega: typeof import('vega')): ReturnType<typeof import('vega').loader> {
  return { ...vega.loader(), load: (uri: string) => Promise.reject(new Error(`a chart asked for ${uri}`)) }
}
