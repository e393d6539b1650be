/** A cluster without daemons: machines, protocols and files are real, what runs on them are stand-ins in this process. */
export { startCluster, type HollowCluster } from './cluster/cluster.js';
export { shortenedTimings } from './contracts.js';
