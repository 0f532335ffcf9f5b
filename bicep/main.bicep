// Fabrikam's drone delivery in Azure: managed identities everywhere, no keys. One Function App (small) or one per service
// (production), each with its own identity and rights to its own hubs and containers; the same build in all of them.
// https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan

import { Carrier, Size } from 'types.bicep'

param location string = resourceGroup().location

@minLength(2)
@maxLength(8)
@description('Word for this deployment, in the name of each resource: lower-case letters and digits.')
param stage string

param size Size

@description('Application id of the API\'s registration in Entra ID, which callers\' tokens name as their audience.')
param apiAudience string

param tenantId string = tenant().tenantId

@description('Address under which clients see the API, when it is one of your own; empty: that of the gateway or of the app.')
param publicOrigin string = ''

param carriers Carrier[] = []

@description('Relay that sends e-mail and SMS; empty: webhooks only.')
param notifyRelayUrl string = ''

@secure()
@description('Keys of the setting WEBHOOK_SIGNING_KEYS, newest first, each of at least 32 characters; empty: no webhooks.')
param webhookSigningKeys string = ''

@description('Whom alerts go to; empty: nobody.')
param alertEmail string = ''

@description('Deadlines, retries and levels of shared/config/settings.ts.')
param tuning {
  TIME_SCALE: string
  RESERVATION_LEASE_SECONDS: string
  MISSION_ANSWER_SECONDS: string
  RECALL_ANSWER_SECONDS: string
  PICKUP_GRACE_SECONDS: string
  DELIVERY_GRACE_SECONDS: string
  CONFIRMATION_SECONDS: string
  MAX_DRONES_PER_DELIVERY: string
  MAX_SUBSCRIPTIONS_PER_DELIVERY: string
  MAX_SUBSCRIPTIONS_PER_DAY: string
  MAX_SHARE_LINKS_PER_DELIVERY: string
  LIMIT_REQUESTS_PER_PRINCIPAL: string
  LIMIT_REQUESTS_PER_OPERATOR: string
  LIMIT_REQUESTS_PER_ADDRESS: string
  LIMIT_WRONG_TOKENS_PER_ADDRESS: string
  STEP_ATTEMPTS: string
  STEP_RETRY_SECONDS: string
  RETENTION_DAYS: string
  ORCHESTRATION_RETENTION_DAYS: string
  CHANGE_FEED_POLL_MS: string
  OVERDUE_SCHEDULE: string
  LOG_LEVEL: string
} = {
  TIME_SCALE: '1'
  RESERVATION_LEASE_SECONDS: '60'
  MISSION_ANSWER_SECONDS: '20'
  RECALL_ANSWER_SECONDS: '20'
  PICKUP_GRACE_SECONDS: '600'
  DELIVERY_GRACE_SECONDS: '1800'
  CONFIRMATION_SECONDS: '3600'
  MAX_DRONES_PER_DELIVERY: '3'
  MAX_SUBSCRIPTIONS_PER_DELIVERY: '20'
  MAX_SUBSCRIPTIONS_PER_DAY: '10000'
  MAX_SHARE_LINKS_PER_DELIVERY: '20'
  LIMIT_REQUESTS_PER_PRINCIPAL: '12000'
  LIMIT_REQUESTS_PER_OPERATOR: '120000'
  LIMIT_REQUESTS_PER_ADDRESS: '300000'
  LIMIT_WRONG_TOKENS_PER_ADDRESS: '600'
  STEP_ATTEMPTS: '8'
  STEP_RETRY_SECONDS: '1'
  RETENTION_DAYS: '90'
  ORCHESTRATION_RETENTION_DAYS: '7'
  CHANGE_FEED_POLL_MS: '500'
  OVERDUE_SCHEDULE: '*/30 * * * * *'
  LOG_LEVEL: 'info'
}

var topology = loadYamlContent('topology.yaml')
var services = items(topology.services)
var suffix = uniqueString(resourceGroup().id)
var nameSuffix = '${stage}-${suffix}'
var databaseName = 'drone-delivery'

// Keys: what an app is called by; `services` is the setting SERVICES, of which empty means all.
var separate = map(services, service => {
  key: service.key
  services: service.key
  containers: service.value.containers
  sends: service.value.sends
  receives: service.value.receives
  durable: service.value.durable
  proofs: service.value.proofs
})
var together = [
  {
    key: 'all'
    services: ''
    containers: union(flatten(map(services, service => service.value.containers)), [])
    sends: union(flatten(map(services, service => service.value.sends)), [])
    receives: union(flatten(map(services, service => service.value.receives)), [])
    durable: true
    proofs: true
  }
]
var apps = size.appPerService ? separate : together
var appNames = toObject(apps, app => app.key, app => 'func-${stage}-${app.key}-${suffix}')
var serviceOrigins = size.appPerService
  ? toObject(services, service => service.key, service => 'https://${appNames[service.key]}.azurewebsites.net')
  : {}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    nameSuffix: nameSuffix
    retentionDays: size.logRetentionDays
  }
}

module eventHubs 'modules/event-hubs.bicep' = {
  name: 'event-hubs'
  params: {
    location: location
    nameSuffix: nameSuffix
    hubs: topology.hubs
    units: size.eventHubsUnits
    maxUnits: size.eventHubsMaxUnits
    zoneRedundant: size.zoneRedundant
    workspaceId: monitoring.outputs.workspaceId
  }
}

module cosmos 'modules/cosmos.bicep' = {
  name: 'cosmos'
  params: {
    location: location
    nameSuffix: nameSuffix
    databaseName: databaseName
    containers: topology.containers
    serverless: size.cosmosServerless
    maxThroughput: size.cosmosMaxThroughput
    zoneRedundant: size.zoneRedundant
  }
}

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = [
  for app in apps: {
    name: 'id-${app.key}-${nameSuffix}'
    location: location
  }
]

resource trackingIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-tracking-${nameSuffix}'
  location: location
}

// One at a time, see rights.bicep.
@batchSize(1)
module rights 'modules/rights.bicep' = [
  for (app, index) in apps: {
    name: 'rights-${app.key}'
    params: {
      principalId: identities[index].properties.principalId
      principalKey: identities[index].id
      namespaceName: eventHubs.outputs.namespaceName
      sends: app.sends
      receives: app.receives
      cosmosAccountName: cosmos.outputs.accountName
      databaseName: databaseName
      containers: app.containers
      itemWriterId: cosmos.outputs.itemWriterId
      metadataReaderId: cosmos.outputs.metadataReaderId
    }
  }
]

module trackingRights 'modules/rights.bicep' = {
  name: 'rights-tracking'
  params: {
    principalId: trackingIdentity.properties.principalId
    principalKey: trackingIdentity.id
    namespaceName: eventHubs.outputs.namespaceName
    sends: topology.tracking.sends
    receives: topology.tracking.receives
    cosmosAccountName: cosmos.outputs.accountName
    databaseName: databaseName
    containers: []
    itemWriterId: cosmos.outputs.itemWriterId
    metadataReaderId: cosmos.outputs.metadataReaderId
  }
}

module gateway 'modules/gateway.bicep' = if (size.appPerService) {
  name: 'gateway'
  params: {
    nameSuffix: nameSuffix
    origins: map(services, service => {
      name: service.key
      hostName: '${appNames[?service.key]}.azurewebsites.net'
      paths: service.value.paths
    })
  }
}

module network 'modules/network.bicep' = if (size.appPerService) {
  name: 'network'
  params: {
    location: location
    nameSuffix: nameSuffix
  }
}

var origin = !empty(publicOrigin)
  ? publicOrigin
  : (size.appPerService ? gateway!.outputs.origin : 'https://${appNames[apps[0].key]}.azurewebsites.net')

module functionApp 'modules/function-app.bicep' = [
  for (app, index) in apps: {
    name: 'function-app-${app.key}'
    params: {
      location: location
      name: appNames[app.key]
      deployName: app.key
      storageName: '${take('st${stage}${replace(app.key, '-', '')}', 11)}${uniqueString(resourceGroup().id, app.key)}'
      identityId: identities[index].id
      identityClientId: identities[index].properties.clientId
      identityPrincipalId: identities[index].properties.principalId
      insightsName: monitoring.outputs.insightsName
      insightsConnectionString: monitoring.outputs.insightsConnectionString
      durable: app.durable
      proofs: app.proofs
      zoneRedundant: size.zoneRedundant
      behindGateway: size.appPerService
      frontDoorId: size.appPerService ? gateway!.outputs.frontDoorId : ''
      subnetId: size.appPerService ? network!.outputs.appsSubnetId : ''
      maxInstances: size.maxInstances
      alwaysReady: size.alwaysReady
      settings: union(
        tuning,
        {
          SERVICES: app.services
          SERVICE_ORIGINS: string(serviceOrigins)
          COSMOS__accountEndpoint: cosmos.outputs.endpoint
          COSMOS__credential: 'managedidentity'
          COSMOS__clientId: identities[index].properties.clientId
          COSMOS_DATABASE: databaseName
          EVENTHUBS__fullyQualifiedNamespace: eventHubs.outputs.fullyQualifiedNamespace
          EVENTHUBS__credential: 'managedidentity'
          EVENTHUBS__clientId: identities[index].properties.clientId
          AZURE_CLIENT_ID: identities[index].properties.clientId
          IDENTITY_ISSUER: '${az.environment().authentication.loginEndpoint}${tenantId}/v2.0'
          API_AUDIENCE: apiAudience
          PUBLIC_ORIGIN: origin
          CARRIERS: string(carriers)
          WEBHOOK_SIGNING_KEYS: webhookSigningKeys
          OUTBOUND_ALLOW_LOOPBACK: 'false'
          // The front end of App Service, and Front Door where that is before it.
          TRUSTED_PROXIES: size.appPerService ? '2' : '1'
        },
        empty(notifyRelayUrl) ? {} : { NOTIFY_RELAY_URL: notifyRelayUrl }
      )
    }
    dependsOn: [
      rights
    ]
  }
]

module tracking 'modules/tracking.bicep' = {
  name: 'tracking'
  params: {
    location: location
    nameSuffix: nameSuffix
    registryName: 'cr${stage}${suffix}'
    identityName: trackingIdentity.name
    vmSize: size.nodes.vmSize
    minNodes: size.nodes.min
    maxNodes: size.nodes.max
    zoneRedundant: size.zoneRedundant
    workspaceId: monitoring.outputs.workspaceId
  }
}

module alerts 'modules/alerts.bicep' = if (!empty(alertEmail)) {
  name: 'alerts'
  params: {
    location: location
    nameSuffix: nameSuffix
    email: alertEmail
    namespaceName: eventHubs.outputs.namespaceName
    cosmosAccountName: cosmos.outputs.accountName
    workspaceId: monitoring.outputs.workspaceId
  }
}

output PUBLIC_ORIGIN string = origin
output FUNCTION_APPS object = appNames
output AZURE_AKS_CLUSTER_NAME string = tracking.outputs.clusterName
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = tracking.outputs.registryLoginServer
output TRACKING_CLIENT_ID string = trackingIdentity.properties.clientId
@description('The identities that call the API: bicep/grant-service-role.sh grants each the application role `service`.')
output APP_PRINCIPAL_IDS array = [for index in range(0, length(apps)): identities[index].properties.principalId]
output TRACKING_PRINCIPAL_ID string = trackingIdentity.properties.principalId
output EVENTHUBS_NAMESPACE string = eventHubs.outputs.fullyQualifiedNamespace
