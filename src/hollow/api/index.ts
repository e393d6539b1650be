import type { Program, Surroundings } from '../contracts.js';
import { Flags } from '../kube/flags.js';
import { runProgram } from '../kube/run-program.js';
import { apiserverFlags } from './apiserver-flags.js';
import { RunningApiserver } from './running-apiserver.js';

/** `--request-timeout` of AKS Engine: how long an orderly end may take, since watches do not end by themselves. */
const graceMs = 60_000;

/** kube-apiserver, as 1.20 behaves. */
export function kubeApiserver(surroundings: Surroundings): Program {
  return {
    start: (argv, machine) =>
      runProgram(
        () => new RunningApiserver(machine, new Flags(argv, apiserverFlags), surroundings),
        machine,
        graceMs,
      ),
  };
}
