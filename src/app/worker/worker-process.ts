// What a worker's process runs: nothing but the worker, fed by the supervisor over the process's own channel.

import { runWorker } from './worker.ts';
import { tuneHeap } from './worker-heap.ts';

tuneHeap();
runWorker();
