// The program of a worker's process: only the worker, with the channel of the process to its supervisor.

import { runWorker } from './worker.ts';
import { tuneHeap } from './worker-heap.ts';

tuneHeap();
runWorker();
