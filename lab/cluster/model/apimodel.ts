import type { Binaries } from '../kube/binaries.js';
import type { Flags } from '../kube/flags.js';
import {
  apiserverFlags,
  controllerManagerFlags,
  images,
  kubeletFlags,
  schedulerFlags,
} from '../kube/wishes.js';
import type { ClusterPki } from '../pki/cluster.js';
import { adminUser, mastersOf, network, type LabNode, type LabOptions, type LabPlan } from '../plan.js';
import { customCloudProfile } from './environment.js';

/** What the operator's files describe. */
export interface ModelInputs {
  readonly plan: LabPlan;
  readonly options: LabOptions;
  readonly binaries: Binaries;
  readonly pki: ClusterPki;
  /** The admin user's public key, one line. */
  readonly authorizedKey: string;
}

/** The API model (vlabs) of the lab's cluster as AKS Engine writes it: two spaces of indent, one newline at the end. */
export function apiModel(inputs: ModelInputs): string {
  const { plan, pki } = inputs;
  const model = {
    apiVersion: 'vlabs',
    location: network.location,
    properties: {
      orchestratorProfile: orchestratorProfile(inputs),
      masterProfile: masterProfile(inputs),
      agentPoolProfiles: agentPoolProfiles(inputs),
      linuxProfile: linuxProfile(inputs.authorizedKey),
      servicePrincipalProfile: { clientId: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', secret: 'lab-secret' },
      certificateProfile: certificateProfile(pki),
      featureFlags: {},
      customCloudProfile: customCloudProfile(plan.fqdn.split('.')[1] ?? '', network.dnsSuffix),
      telemetryProfile: {},
    },
  };
  return `${JSON.stringify(model, null, 2)}\n`;
}

function orchestratorProfile({ plan, options, binaries }: ModelInputs) {
  const [first] = mastersOf(plan);
  if (first === undefined) throw new Error(`lab ${plan.name} has no master; expected at least one`);
  const version = binaries.version.replace(/^v/, '');
  return {
    orchestratorType: 'Kubernetes',
    orchestratorRelease: version.split('.').slice(0, 2).join('.'),
    orchestratorVersion: version,
    kubernetesConfig: {
      kubernetesImageBase: 'mcr.microsoft.com/',
      kubernetesImageBaseType: 'mcr',
      mcrKubernetesImageBase: 'mcr.microsoft.com/',
      clusterSubnet: network.podSubnet,
      dnsServiceIP: network.dnsService,
      serviceCidr: network.serviceSubnet,
      networkPlugin: 'kubenet',
      containerRuntime: 'containerd',
      dockerBridgeSubnet: '172.17.0.1/16',
      containerdVersion: '1.6.20',
      useInstanceMetadata: false,
      enableRbac: true,
      enableSecureKubelet: true,
      enableAggregatedAPIs: true,
      privateCluster: { enabled: false, enableHostsConfigAgent: false },
      gchighthreshold: 85,
      gclowthreshold: 80,
      etcdVersion: '3.3.25',
      etcdDiskSizeGB: '512',
      etcdStorageLimitGB: 2,
      addons: addons(),
      components: components(),
      kubeletConfig: nodeFlags(first, options),
      controllerManagerConfig: controllerManagerFlags(plan, options),
      apiServerConfig: { ...apiserverFlags(first, options), '--advertise-address': '<advertiseAddr>' },
      schedulerConfig: schedulerFlags,
      loadBalancerSku: 'Basic',
      maximumLoadBalancerRuleCount: 250,
      kubeProxyMode: 'iptables',
    },
  };
}

const container = (name: string, image: string) => ({ name, image });

function addons() {
  const config = { 'cluster-cidr': network.podSubnet, featureGates: '{}', 'proxy-mode': 'iptables' };
  return [
    { name: 'tiller', enabled: false },
    { name: 'cluster-autoscaler', enabled: false },
    { name: 'metrics-server', enabled: false },
    { name: 'coredns', enabled: false },
    { name: 'kube-proxy', enabled: true, containers: [container('kube-proxy', images.base)], config },
    { name: 'audit-policy', enabled: true },
  ];
}

function components() {
  const program = (name: string) => ({
    name,
    enabled: true,
    containers: [container(name, images.base)],
    config: { command: `"${name}"` },
  });
  const addonManager = {
    name: 'kube-addon-manager',
    enabled: true,
    containers: [container('kube-addon-manager', images.pod)],
  };
  return [...['kube-scheduler', 'kube-controller-manager', 'kube-apiserver'].map(program), addonManager];
}

/** A kubelet's flags in the model: none that differ between nodes. */
function nodeFlags(node: LabNode, options: LabOptions): Flags {
  const flags = Object.entries(kubeletFlags(node, options, false));
  return Object.fromEntries(flags.filter(([flag]) => flag !== '--node-ip'));
}

function masterProfile({ plan, options }: ModelInputs) {
  const [first] = mastersOf(plan);
  return {
    count: mastersOf(plan).length,
    dnsPrefix: plan.dnsPrefix,
    subjectAltNames: null,
    vmSize: 'Standard_DS2_v2',
    firstConsecutiveStaticIP: first?.ip,
    ipAddressCount: 1,
    storageProfile: 'ManagedDisks',
    oauthEnabled: false,
    preProvisionExtension: null,
    extensions: [],
    distro: 'aks-ubuntu-22.04',
    kubernetesConfig: first === undefined ? {} : { kubeletConfig: nodeFlags(first, options) },
    availabilityProfile: 'AvailabilitySet',
    platformFaultDomainCount: 3,
    platformUpdateDomainCount: 3,
    cosmosEtcd: false,
    osDiskCachingType: 'ReadWrite',
  };
}

function agentPoolProfiles({ plan, options }: ModelInputs) {
  const agents = plan.nodes.filter((node) => node.role === 'agent');
  const [first] = agents;
  if (first === undefined) return [];
  const pool = {
    name: 'linuxpool',
    count: agents.length,
    vmSize: 'Standard_D2_v2',
    osType: 'Linux',
    availabilityProfile: 'AvailabilitySet',
    storageProfile: 'ManagedDisks',
    ipAddressCount: 1,
    distro: 'aks-ubuntu-22.04',
    kubernetesConfig: { kubeletConfig: nodeFlags(first, options) },
    fqdn: '',
    preProvisionExtension: null,
    extensions: [],
    osDiskCachingType: 'ReadWrite',
    dataDiskCachingType: 'ReadOnly',
  };
  return [pool];
}

function linuxProfile(authorizedKey: string) {
  return {
    adminUsername: adminUser,
    ssh: { publicKeys: [{ keyData: authorizedKey }] },
    runUnattendedUpgradesOnBootstrap: false,
    enableUnattendedUpgrades: true,
  };
}

function certificateProfile(pki: ClusterPki) {
  return {
    caCertificate: pki.ca.certificate,
    caPrivateKey: pki.ca.key,
    apiServerCertificate: pki.apiserver.certificate,
    apiServerPrivateKey: pki.apiserver.key,
    clientCertificate: pki.client.certificate,
    clientPrivateKey: pki.client.key,
    kubeConfigCertificate: pki.kubeConfig.certificate,
    kubeConfigPrivateKey: pki.kubeConfig.key,
    etcdServerCertificate: pki.etcdServer.certificate,
    etcdServerPrivateKey: pki.etcdServer.key,
    etcdClientCertificate: pki.etcdClient.certificate,
    etcdClientPrivateKey: pki.etcdClient.key,
    etcdPeerCertificates: pki.etcdPeers.map((peer) => peer.certificate),
    etcdPeerPrivateKeys: pki.etcdPeers.map((peer) => peer.key),
  };
}
