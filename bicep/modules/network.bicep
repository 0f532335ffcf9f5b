// The network from which the apps call each other: their public names admit this subnet and the gateway, and nobody else.
// https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#enable-virtual-network-integration

param location string
param nameSuffix string

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-${nameSuffix}'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: ['10.20.0.0/16']
    }
  }
}

resource apps 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' = {
  parent: network
  name: 'apps'
  properties: {
    // Each instance of an app may need an address.
    addressPrefix: '10.20.0.0/20'
    delegations: [
      {
        name: 'flex-consumption'
        properties: {
          serviceName: 'Microsoft.App/environments'
        }
      }
    ]
    serviceEndpoints: [
      {
        service: 'Microsoft.Web'
      }
    ]
  }
}

output appsSubnetId string = apps.id
