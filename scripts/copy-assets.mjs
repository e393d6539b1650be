// Puts the scripts that run on nodes beside the compiled program, which reads them from there.
import { chmodSync, cpSync } from 'node:fs';

cpSync('src/node', 'dist/node', { recursive: true, filter: (path) => !path.endsWith('.ts') });
chmodSync('dist/cli/main.js', 0o755);
