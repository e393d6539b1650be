import { mastersOf, network, type LabNode, type LabPlan } from '../plan.js';

/** Connects to port 443 of a master like Azure's balancer: plain TCP, every 5 s, two failures take it out. */
function probe(node: LabNode): string {
  return `  server ${node.name} ${node.ip}:443 source ${network.probeSource} check inter 5s fall 2 rise 1`;
}

/** Traffic follows the probe's judgement, but comes from another address than the probe. */
function target(node: LabNode): string {
  return `  server ${node.name} ${node.ip}:443 source ${network.gateway} track probe/${node.name}`;
}

/**
 * The balancer's configuration. As on Azure nothing is sent a second time: a connection to a master whose port is
 * closed fails for the client, until the probe has noticed. A connect that gets no answer waits for TCP's own
 * retransmissions, and an idle connection (a watch) is kept for an hour.
 */
export function balancerConfiguration(plan: LabPlan, folder: string): string {
  const masters = mastersOf(plan);
  const [first] = masters;
  if (first === undefined) throw new Error(`lab ${plan.name} has no master; expected at least one`);
  return [
    ...['global', '  maxconn 8000', `  stats socket ${folder}/admin.sock mode 600 level user`, ''],
    ...['defaults', '  mode tcp', '  retries 0', '  balance roundrobin', '  timeout connect 60s'],
    ...['  timeout client 1h', '  timeout server 1h', '  timeout check 5s', ''],
    ...['backend probe', ...masters.map(probe), ''],
    ...['backend masters', ...masters.map(target), ''],
    ...['frontend api', `  bind ${network.publicBalancer}:443`, `  bind ${network.internalBalancer}:443`],
    ...['  default_backend masters', ''],
    ...['listen ssh', `  bind ${network.publicBalancer}:22`],
    ...[`  server ${first.name} ${first.ip}:22 source ${network.gateway}`, ''],
  ].join('\n');
}
