import { hollow } from './hollow.js';
import { least } from './least.js';
import { rotation } from './rotation.js';

const benches: Record<string, (more: readonly string[]) => Promise<number>> = { hollow, least, rotation };
const [name = 'rotation', ...more] = process.argv.slice(2);
const bench = benches[name];
if (bench) process.exitCode = await bench(more);
else {
  console.error(`bench: found "${name}", expected one of ${Object.keys(benches).join(', ')}`);
  process.exitCode = 2;
}
