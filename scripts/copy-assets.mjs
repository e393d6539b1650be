// Puts the scripts that run on nodes, real and hollow ones, beside the compiled program, which reads them from there.
import { chmodSync, cpSync } from 'node:fs';

cpSync('src/node', 'dist/node', { recursive: true, filter: (path) => !path.endsWith('.ts') });
cpSync('src/hollow/commands/stub.sh', 'dist/hollow/commands/stub.sh');
chmodSync('dist/cli/main.js', 0o755);
