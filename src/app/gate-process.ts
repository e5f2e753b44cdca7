// What a gate's process runs: nothing but the gate, fed by the keeper over the process's own channel.

import { runGate } from './gate.ts';
import { tuneHeap } from './gate-heap.ts';

tuneHeap();
runGate();
