import type { Finding } from './finding.ts'
import { type Manifest, PACKAGES, packageName, targetOf } from './packages.ts'
import type { Tree } from './tree.ts'

/**
 * What each package.json declares: no runtime dependency from outside but the ones the table
 * grants, nothing declared that `src` does not import, and the same list in tsconfig.json, by which
 * `tsc -b` finds its order.
 */
export function checkManifests(tree: Tree): Finding[] {
  const findings: Finding[] = []
  for (const path of tree.texts.keys()) {
    const folder = /^packages\/([^/]+)\/package\.json$/.exec(path)?.[1]
    if (folder === undefined) continue
    const text = tree.texts.get(path)!
    const report = (name: string, message: string): void => {
      findings.push({ path, line: lineOf(text, `"${name}"`), message })
    }
    checkManifest(tree, folder, JSON.parse(text) as Manifest, report)
    findings.push(...checkReferences(tree, folder, JSON.parse(text) as Manifest))
  }
  return findings
}

function checkManifest(
  tree: Tree,
  folder: string,
  manifest: Manifest,
  report: (name: string, message: string) => void,
): void {
  const rule = PACKAGES[folder]
  if (rule === undefined) return
  const { dependencies, peerDependencies, optionalDependencies } = manifest
  const allowed = [...rule.mayImport.map(packageName), ...rule.mayDependOn]
  for (const name of Object.keys({
    ...dependencies,
    ...peerDependencies,
    ...optionalDependencies,
  })) {
    if (!allowed.includes(name)) {
      report(name, `${packageName(folder)} must not depend on ${name} at run time`)
    }
  }
  const imported = importedBySource(tree, folder)
  for (const name of Object.keys(dependencies ?? {})) {
    if (!imported.has(name)) report(name, `${name} is a dependency, but src does not import it`)
  }
}

function importedBySource(tree: Tree, folder: string): Set<string> {
  const names = new Set<string>()
  for (const path of tree.sourcePaths) {
    if (!path.startsWith(`packages/${folder}/src/`)) continue
    for (const { specifier } of tree.source(path).imports()) {
      const target = targetOf(specifier)
      if (target.kind === 'workspace') names.add(packageName(target.folder))
      if (target.kind === 'external') names.add(target.name)
    }
  }
  return names
}

function checkReferences(tree: Tree, folder: string, manifest: Manifest): Finding[] {
  const path = `packages/${folder}/tsconfig.json`
  const text = tree.texts.get(path)
  if (text === undefined) return []
  const { references = [] } = JSON.parse(text) as { references?: { path: string }[] }
  const referenced = references.map((reference) => packageName(reference.path.replace('../', '')))
  const declared = Object.keys(manifest.dependencies ?? {}).filter(
    (name) => targetOf(name).kind === 'workspace',
  )
  const line = lineOf(text, '"references"')
  return [
    ...declared
      .filter((name) => !referenced.includes(name))
      .map((name) => ({ path, line, message: `${name} is a dependency, but no reference` })),
    ...referenced
      .filter((name) => !declared.includes(name))
      .map((name) => ({ path, line, message: `${name} is a reference, but no dependency` })),
  ]
}

function lineOf(text: string, needle: string): number {
  const index = text.indexOf(needle)
  return text.slice(0, Math.max(index, 0)).split('\n').length
}
