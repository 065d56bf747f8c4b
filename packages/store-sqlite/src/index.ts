export type { SqliteStoreOptions } from './options.ts'
export type { SqlitePragmas } from './pragmas.ts'
export { SqliteStore } from './sqlite-store.ts'
