/** The Kubernetes that the hollow cluster behaves like. */
export const kubernetesVersion = { major: '1', minor: '20', gitVersion: 'v1.20.2' } as const;
