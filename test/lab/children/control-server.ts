/** A plain server outside the cluster: `control-server HOST`. Prints its port; ends with its standard input. */
import { createServer } from 'node:http';

const [host = '127.0.0.1'] = process.argv.slice(2);
const server = createServer((_request, answer) => void answer.end('ok\n'));
server.listen(0, host, () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the control server has no port');
  process.stdout.write(`${address.port}\n`);
});
process.stdin.resume().once('end', () => process.exit(0));
