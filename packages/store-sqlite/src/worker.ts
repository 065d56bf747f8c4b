import { parentPort } from 'node:worker_threads'
import { serve } from './serve.ts'

/** The worker thread's entry: nothing but a Database at the other end of the port. */
serve(parentPort!)
