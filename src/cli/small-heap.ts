import { setFlagsFromString } from 'node:v8';

// Imported before everything else. keyroll runs for minutes beside other programs on a small machine: V8 would let the
// space for new objects grow to 32 MB without need, and keep code and tables that make a busy program faster. Node has no
// option for a program to say so of itself; these flags are read whenever it matters, and a V8 that no longer knows them
// ignores them.
setFlagsFromString('--optimize-for-size');
setFlagsFromString('--semi-space-growth-factor=1');
