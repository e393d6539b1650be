import { describe, expect, it } from 'vitest';
import { chooseFlags, flagsInHelp, kubeletConfigurationFile, minorVersion } from './flags.js';

/** Lines of `kubelet --help`, 1.20.2. */
const kubelet20 = `The kubelet is the primary "node agent" that runs on each node. It can register the node with --hostname-override too.

Usage:
  kubelet [flags]

Flags:
      --address ip                            The IP address for the Kubelet to serve on (DEPRECATED: set via --config file)
      --config string                         The Kubelet will load its initial configuration from this file.
      --container-runtime string              The container runtime to use. Possible values: 'docker', 'remote'. (default "docker")
      --container-runtime-endpoint string     [Experimental] The endpoint of remote runtime service.
      --feature-gates mapStringBool           A set of key=value pairs. Options are:
                APIListChunking=true|false (BETA - default=true)
                BoundServiceAccountTokenVolume=true|false (ALPHA - default=false)
                RotateKubeletServerCertificate=true|false (BETA - default=true)
      --pod-infra-container-image string      The image whose network/ipc namespaces containers in each pod will use.
  -v, --v Level                               number for the log level verbosity
`;

/** The same flags as a later kubelet has them: gates carry a prefix, two flags are gone. */
const kubelet36 = `Flags:
      --address ip                            The IP address for the Kubelet to serve on
      --config string                         The Kubelet will load its initial configuration from this file.
      --container-runtime-endpoint string     The endpoint of container runtime service.
      --feature-gates colonSeparatedMultimapStringString   Comma-separated list of component:key=value pairs. Options are:
                kube:APIResponseCompression=true|false (BETA - default=true)
                kube:RotateKubeletServerCertificate=true|false (BETA - default=true)
  -v, --v Level                               number for the log level verbosity
`;

const wanted = {
  '--address': '0.0.0.0',
  '--container-runtime': 'remote',
  '--container-runtime-endpoint': 'unix:///run/containerd/containerd.sock',
  '--feature-gates': 'RotateKubeletServerCertificate=true,BoundServiceAccountTokenVolume=true',
  '--pod-infra-container-image': 'pause:1',
  '--v': '2',
};

describe('chooseFlags', () => {
  it('gives an old kubelet all that it knows', () => {
    const { args, dropped } = chooseFlags(wanted, kubelet20);
    expect(args).toEqual(Object.entries(wanted).map(([flag, value]) => `${flag}=${value}`));
    expect(dropped).toEqual([]);
  });

  it('drops flags and feature gates that a new one has no more', () => {
    const { args, dropped } = chooseFlags(wanted, kubelet36);
    expect(dropped).toEqual(['--container-runtime', '--pod-infra-container-image']);
    expect(args).toContain('--feature-gates=RotateKubeletServerCertificate=true');
  });

  it('drops --feature-gates when no gate is left', () => {
    const gates = { '--feature-gates': 'LongGone=true' };
    expect(chooseFlags(gates, kubelet20)).toEqual({ args: [], dropped: ['--feature-gates'] });
    expect(chooseFlags({ '--feature-gates': '' }, kubelet20).args).toEqual([]);
  });

  it('keeps an empty value where it has a meaning', () => {
    expect(chooseFlags({ '--config': '' }, kubelet20).args).toEqual(['--config=']);
  });

  it('does not take a flag that is only mentioned in a sentence', () => {
    expect(flagsInHelp(kubelet20).has('--hostname-override')).toBe(false);
  });

  it('refuses what is no help text', () => {
    expect(() => chooseFlags(wanted, 'exec format error')).toThrow(/--help/);
  });
});

describe('kubeletConfigurationFile', () => {
  it('is needed from 1.31 on, on cgroup version 1', () => {
    expect(kubeletConfigurationFile(30, true)).toBeUndefined();
    expect(kubeletConfigurationFile(31, false)).toBeUndefined();
    expect(kubeletConfigurationFile(31, true)).toContain('failCgroupV1: false');
    expect(kubeletConfigurationFile(36, true)).toContain('kind: KubeletConfiguration');
  });
});

it('reads the minor version of a program', () => {
  expect(minorVersion('Kubernetes v1.20.2\n')).toBe(20);
  expect(minorVersion('Kubernetes v1.36.2')).toBe(36);
  expect(() => minorVersion('no such file')).toThrow(/names no version/);
});
