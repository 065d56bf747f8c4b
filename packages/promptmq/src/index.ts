/** The library in one piece: the broker and its SQLite store. */
export * from '@promptmq/broker'
export { type SqlitePragmas, SqliteStore, type SqliteStoreOptions } from '@promptmq/store-sqlite'
