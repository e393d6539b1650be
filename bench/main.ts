import { hollow } from './hollow.js';
import { rotation } from './rotation.js';

const benches: Record<string, (more: readonly string[]) => Promise<number>> = { hollow, rotation };
const [name = 'rotation', ...more] = process.argv.slice(2);
const bench = benches[name];
if (bench) process.exitCode = await bench(more);
else {
  console.error(`bench: found "${name}", expected one of ${Object.keys(benches).join(', ')}`);
  process.exitCode = 2;
}
