// One public origin over the apps of the services: Front Door sends each first path segment to the app that has it. The
// small deployment has one app and needs none. Tracking's streams don't come by here: they have the cluster's own ingress.

param nameSuffix string

@description('Host name of the app and the first path segments below /api that are its own.')
param origins { name: string, hostName: string, paths: string[] }[]

resource profile 'Microsoft.Cdn/profiles@2025-06-01' = {
  name: 'afd-${nameSuffix}'
  location: 'global'
  sku: {
    name: 'Standard_AzureFrontDoor'
  }
  properties: {
    originResponseTimeoutSeconds: 60
  }
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2025-06-01' = {
  parent: profile
  name: 'drones-${nameSuffix}'
  location: 'global'
  properties: {
    enabledState: 'Enabled'
  }
}

resource group 'Microsoft.Cdn/profiles/originGroups@2025-06-01' = [
  for origin in origins: {
    parent: profile
    name: origin.name
    properties: {
      loadBalancingSettings: {
        sampleSize: 4
        successfulSamplesRequired: 2
      }
      healthProbeSettings: {
        probePath: '/api/healthz'
        probeProtocol: 'Https'
        probeRequestType: 'GET'
        probeIntervalInSeconds: 100
      }
    }
  }
]

resource app 'Microsoft.Cdn/profiles/originGroups/origins@2025-06-01' = [
  for (origin, index) in origins: {
    parent: group[index]
    name: 'app'
    properties: {
      hostName: origin.hostName
      originHostHeader: origin.hostName
      httpsPort: 443
      enforceCertificateNameCheck: true
    }
  }
]

resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2025-06-01' = [
  for (origin, index) in origins: {
    parent: endpoint
    name: origin.name
    properties: {
      originGroup: {
        id: group[index].id
      }
      patternsToMatch: flatten(map(origin.paths, path => ['/api/${path}', '/api/${path}/*']))
      supportedProtocols: ['Http', 'Https']
      httpsRedirect: 'Enabled'
      forwardingProtocol: 'HttpsOnly'
      linkToDefaultDomain: 'Enabled'
    }
    dependsOn: [
      app
    ]
  }
]

@description('What Front Door sends in X-Azure-FDID with every request.')
output frontDoorId string = profile.properties.frontDoorId
output origin string = 'https://${endpoint.properties.hostName}'
