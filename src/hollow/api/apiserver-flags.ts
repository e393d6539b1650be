/** The flags of kube-apiserver that are heeded here. */
const heeded = [
  ...['advertise-address', 'secure-port', 'anonymous-auth', 'tls-cert-file', 'tls-private-key-file'],
  ...['client-ca-file', 'requestheader-client-ca-file', 'requestheader-allowed-names'],
  ...['requestheader-extra-headers-prefix', 'requestheader-group-headers', 'requestheader-username-headers'],
  ...['proxy-client-cert-file', 'proxy-client-key-file'],
  ...['etcd-cafile', 'etcd-certfile', 'etcd-keyfile', 'etcd-servers'],
  ...['service-account-issuer', 'service-account-key-file', 'service-account-signing-key-file'],
  ...['service-cluster-ip-range', 'feature-gates', 'endpoint-reconciler-type', 'authorization-mode'],
  ...['service-account-lookup'],
];

/** Those that an AKS Engine cluster gives as well, and that change nothing here. */
const accepted = [
  ...['allow-privileged', 'audit-log-maxage', 'audit-log-maxbackup', 'audit-log-maxsize', 'audit-log-path'],
  ...['audit-policy-file', 'bind-address', 'enable-admission-plugins', 'enable-bootstrap-token-auth'],
  ...['kubelet-client-certificate', 'kubelet-client-key', 'profiling', 'request-timeout', 'storage-backend'],
  ...['tls-cipher-suites', 'tls-min-version', 'v'],
];

export const apiserverFlags: readonly string[] = [...heeded, ...accepted];
