/** A cluster without daemons: machines, protocols and files are real, what runs on them are stand-ins in this process. */
export { startCluster, type HollowCluster, type HollowOptions } from './cluster/cluster.js';
export { realTimings, shortenedTimings, type Timings } from './contracts.js';
