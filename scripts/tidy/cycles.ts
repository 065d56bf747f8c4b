import type { Finding } from './finding.ts'
import { resolveRelative } from './imports.ts'
import { targetOf } from './packages.ts'
import type { Tree } from './tree.ts'

/**
 * No file imports, by whatever way round, a file that imports it. Within a package types do not
 * count, since nothing of them is left at run time and who makes an object may well be known to it
 * by type; between packages they do.
 */
export function checkCycles(tree: Tree): Finding[] {
  const graph = importGraph(tree)
  const findings: Finding[] = []
  for (const component of stronglyConnected(graph)) {
    const members = new Set(component)
    const first = component.toSorted()[0]!
    const cycle = shortestCycle(graph, first, members)
    if (cycle === undefined) continue
    const line = graph.get(first)!.get(cycle[1]!)!
    findings.push({ path: first, line, message: `import cycle: ${cycle.join(' -> ')}` })
  }
  return findings
}

/** File -> files it imports -> the line that does. */
type Graph = Map<string, Map<string, number>>

function importGraph(tree: Tree): Graph {
  const graph: Graph = new Map()
  for (const path of tree.sourcePaths) {
    const edges = new Map<string, number>()
    for (const { specifier, line, isErased } of tree.source(path).imports()) {
      if (isErased && specifier.startsWith('.')) continue
      const target = resolve(tree, path, specifier)
      if (target !== undefined && tree.texts.has(target)) edges.set(target, line)
    }
    graph.set(path, edges)
  }
  return graph
}

function resolve(tree: Tree, from: string, specifier: string): string | undefined {
  const target = targetOf(specifier)
  if (target.kind === 'relative') return resolveRelative(from, specifier)
  if (target.kind !== 'workspace') return undefined
  const manifest = tree.texts.get(`packages/${target.folder}/package.json`)
  if (manifest === undefined) return undefined
  const { exports } = JSON.parse(manifest) as {
    exports?: Record<string, { 'promptmq-source'?: string }>
  }
  const source = exports?.[target.subpath]?.['promptmq-source']
  return source === undefined ? undefined : `packages/${target.folder}/${source.slice(2)}`
}

/** Tarjan's algorithm: the largest sets of files in which each one reaches each other one. */
function stronglyConnected(graph: Graph): string[][] {
  const components: string[][] = []
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const isOpen = new Set<string>()

  const visit = (path: string): void => {
    index.set(path, index.size)
    low.set(path, index.get(path)!)
    open.push(path)
    isOpen.add(path)
    for (const next of graph.get(path)?.keys() ?? []) {
      if (!index.has(next)) visit(next)
      else if (!isOpen.has(next)) continue
      low.set(path, Math.min(low.get(path)!, low.get(next)!))
    }
    if (low.get(path) !== index.get(path)) return
    const component = open.splice(open.lastIndexOf(path))
    for (const member of component) isOpen.delete(member)
    components.push(component)
  }

  for (const path of graph.keys()) if (!index.has(path)) visit(path)
  return components
}

/** A way from `start` back to itself within `members`, or undefined for a lone file. */
function shortestCycle(
  graph: Graph,
  start: string,
  members: ReadonlySet<string>,
): string[] | undefined {
  const queue: string[][] = [[start]]
  const seen = new Set<string>()
  for (let way = queue.shift(); way !== undefined; way = queue.shift()) {
    for (const next of graph.get(way.at(-1)!)?.keys() ?? []) {
      if (next === start) return [...way, start]
      if (!members.has(next) || seen.has(next)) continue
      seen.add(next)
      queue.push([...way, next])
    }
  }
  return undefined
}
