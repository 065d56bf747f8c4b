import type { Finding } from './finding.ts'
import { type Manifest, PACKAGES, type PackageRule, packageName, targetOf } from './packages.ts'
import type { ImportReference } from './source-file.ts'
import type { Tree } from './tree.ts'

/**
 * Who imports whom: the direction of {@link PACKAGES}, declared entry points only, and every
 * import covered by a package.json.
 */
export function checkImports(tree: Tree): Finding[] {
  const root = readManifest(tree, 'package.json')
  const findings: Finding[] = []
  for (const path of tree.sourcePaths) {
    const place = /^packages\/([^/]+)\/(src|test)\//.exec(path)
    if (place === null) {
      findings.push(...checkOutside(tree, path))
      continue
    }
    const [, folder = '', part] = place
    const rule = PACKAGES[folder]
    if (rule === undefined) {
      findings.push({ path, line: 1, message: `package ${folder} is not in the table of packages` })
      continue
    }
    const manifest = readManifest(tree, `packages/${folder}/package.json`)
    for (const reference of tree.source(path).imports()) {
      const message =
        part === 'src'
          ? checkSourceImport(tree, path, folder, rule, manifest, reference)
          : checkTestImport(tree, path, folder, [manifest, root], reference)
      if (message !== undefined) findings.push({ path, line: reference.line, message })
    }
  }
  return findings
}

function readManifest(tree: Tree, path: string): Manifest {
  return JSON.parse(tree.texts.get(path) ?? '{}') as Manifest
}

/** Scripts and benchmarks: anything, but through entry points. */
function checkOutside(tree: Tree, path: string): Finding[] {
  const findings: Finding[] = []
  for (const { specifier, line } of tree.source(path).imports()) {
    const message = checkSubpath(tree, specifier) ?? checkRelative(path, specifier)
    if (message !== undefined) findings.push({ path, line, message })
  }
  return findings
}

function checkSourceImport(
  tree: Tree,
  path: string,
  folder: string,
  rule: PackageRule,
  manifest: Manifest,
  { specifier }: ImportReference,
): string | undefined {
  const name = packageName(folder)
  const target = targetOf(specifier)
  switch (target.kind) {
    case 'relative':
      return checkRelative(path, specifier)
    case 'node':
      return rule.mayUseNode ? undefined : `${name} must not import ${specifier}: it runs anywhere`
    case 'external':
      if (!rule.mayDependOn.includes(target.name)) return `${name} must not import ${target.name}`
      return manifest.dependencies?.[target.name] === undefined
        ? `${target.name} is not in the dependencies of ${name}`
        : undefined
    case 'workspace': {
      const imported = packageName(target.folder)
      if (!rule.mayImport.includes(target.folder)) return `${name} must not import ${imported}`
      if (manifest.dependencies?.[imported] === undefined) {
        return `${imported} is not in the dependencies of ${name}`
      }
      return checkSubpath(tree, specifier)
    }
  }
}

function checkTestImport(
  tree: Tree,
  path: string,
  folder: string,
  manifests: readonly Manifest[],
  { specifier }: ImportReference,
): string | undefined {
  const target = targetOf(specifier)
  if (target.kind === 'relative') return checkRelative(path, specifier)
  if (target.kind === 'node') return undefined
  const imported = target.kind === 'workspace' ? packageName(target.folder) : target.name
  const isDeclared = manifests.some(
    ({ dependencies, devDependencies }) =>
      dependencies?.[imported] !== undefined || devDependencies?.[imported] !== undefined,
  )
  if (!isDeclared && imported !== packageName(folder)) {
    return `${imported} is in no package.json that covers this test`
  }
  return checkSubpath(tree, specifier)
}

/** A package is entered by a door that its package.json names. */
function checkSubpath(tree: Tree, specifier: string): string | undefined {
  const target = targetOf(specifier)
  if (target.kind !== 'workspace') return undefined
  const manifest = readManifest(tree, `packages/${target.folder}/package.json`)
  if (manifest.exports?.[target.subpath] !== undefined) return undefined
  return `deep import: ${packageName(target.folder)} does not export '${target.subpath}'`
}

/** Where a benchmark is of one file of a package, as a test is. */
const MICRO = 'benchmarks/micro/'

/** A relative path stays within its package and ends as the file does. */
function checkRelative(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const target = resolveRelative(path, specifier)
  const leadsAway =
    packageFolder(target) !== undefined && packageFolder(target) !== packageFolder(path)
  if (leadsAway && !path.startsWith(MICRO)) {
    return `deep import: '${specifier}' leads into another package, import it by its name`
  }
  if (!/\.(ts|mjs|json)$/.test(specifier)) return `'${specifier}' does not say the file's ending`
  return undefined
}

function packageFolder(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1]
}

/** The path, from the root, that a relative specifier in the file `from` means. */
export function resolveRelative(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}
