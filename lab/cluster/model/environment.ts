/** The endpoints of the Azure Stack Hub that the lab pretends to run on; none of them exists. */
export function customCloudProfile(location: string, dnsSuffix: string) {
  const domain = `${location}.azurestack.external`;
  const portalURL = `https://portal.${domain}/`;
  const audience = `https://management.${domain}/lab`;
  return {
    environment: {
      name: 'AzureStackCloud',
      managementPortalURL: portalURL,
      publishSettingsURL: '',
      serviceManagementEndpoint: audience,
      resourceManagerEndpoint: `https://management.${domain}/`,
      activeDirectoryEndpoint: `https://login.${domain}/`,
      galleryEndpoint: `https://gallery.${domain}/`,
      keyVaultEndpoint: `https://vault.${domain}/lab`,
      graphEndpoint: `https://graph.${domain}/`,
      serviceBusEndpoint: '',
      batchManagementEndpoint: '',
      storageEndpointSuffix: domain,
      sqlDatabaseDNSSuffix: '',
      trafficManagerDNSSuffix: '',
      keyVaultDNSSuffix: `vault.${domain}`,
      serviceBusEndpointSuffix: '',
      serviceManagementVMDNSSuffix: '',
      resourceManagerVMDNSSuffix: dnsSuffix,
      containerRegistryDNSSuffix: '',
      cosmosDBDNSSuffix: '',
      tokenAudience: audience,
      apiManagementHostNameSuffix: '',
      synapseEndpointSuffix: '',
      resourceIdentifiers: {
        graph: '',
        keyVault: '',
        datalake: '',
        batch: '',
        operationalInsights: '',
        storage: '',
        synapse: '',
        serviceBus: '',
      },
    },
    identitySystem: 'azure_ad',
    authenticationMethod: 'client_secret',
    dependenciesLocation: 'public',
    portalURL,
  };
}
