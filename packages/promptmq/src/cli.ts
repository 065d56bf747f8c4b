#!/usr/bin/env node
import { processIo } from './cli/io.ts'
import { main } from './cli/main.ts'

// Not process.exit: what was printed may still be on its way to a pipe.
const exitCode = await main(process.argv.slice(2), processIo())
if (exitCode !== 0) process.exitCode = exitCode
