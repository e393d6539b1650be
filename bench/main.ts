import { rotation } from './rotation.js';

const benches: Record<string, () => Promise<number>> = { rotation };
const [name = 'rotation'] = process.argv.slice(2);
const bench = benches[name];
if (bench) process.exitCode = await bench();
else {
  console.error(`bench: found "${name}", expected one of ${Object.keys(benches).join(', ')}`);
  process.exitCode = 2;
}
