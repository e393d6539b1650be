import { setFlagsFromString } from 'node:v8';

// Imported before everything else. keyroll runs for minutes beside other programs on a small machine: V8 would let the
// space for new objects grow to 32 MB without need. Node has no option for a program to say so of itself; this flag is
// read whenever that space could grow, and a V8 that no longer knows it ignores it.
setFlagsFromString('--semi-space-growth-factor=1');
