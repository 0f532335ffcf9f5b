// One Function App on Flex Consumption with its storage. Neither has a key: the app's own identity deploys, stores and reads.
//
// Durable Functions keeps its history in the app's storage account (the provider that host.json means when it names none),
// reached by the identity too. The Durable Task Scheduler would be quicker and is a resource of its own; one provider less
// to learn and no standing cost spoke for storage, and the change is one block in host.json.

param location string

@maxLength(60)
param name string

@description('What azure.yaml calls it.')
param deployName string

@minLength(3)
@maxLength(24)
param storageName string

param identityId string
param identityClientId string
param identityPrincipalId string
param insightsName string
param insightsConnectionString string

@description('Settings of the application; those of the host are added here.')
param settings object

@description('Runs orchestrations, which need queues and tables too.')
param durable bool

@description('Keeps proofs of delivery.')
param proofs bool

param zoneRedundant bool

@description('true: clients reach the app through the gateway only, and the apps call each other from their subnet.')
param behindGateway bool

@description('The gateway\'s; unused without one.')
param frontDoorId string

@description('Subnet of the apps; unused without a gateway.')
param subnetId string

@minValue(1)
param maxInstances int

@minValue(0)
param alwaysReady int

var deploymentContainer = 'app-package'

// https://learn.microsoft.com/azure/azure-functions/functions-reference#grant-permission-to-the-identity
var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var tableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

var storageRoles = durable ? [blobDataOwner, queueDataContributor, tableDataContributor] : [blobDataOwner]

var hostSettings = {
  AzureWebJobsStorage__accountName: storage.name
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: storageName
  location: location
  kind: 'StorageV2'
  sku: {
    name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
  }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: storage
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for containerName in concat([deploymentContainer], proofs ? ['proofs'] : []): {
    parent: blobs
    name: containerName
    properties: {
      publicAccess: 'None'
    }
  }
]

resource storageRight 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in storageRoles: {
    name: guid(storage.id, name, role)
    scope: storage
    properties: {
      principalId: identityPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, name, metricsPublisher)
  scope: insights
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
  }
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${name}'
  location: location
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  // azd finds by it where to deploy.
  tags: {
    'azd-service-name': deployName
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    publicNetworkAccess: 'Enabled'
    functionAppConfig: {
      runtime: {
        name: 'node'
        version: '24'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: maxInstances
        alwaysReady: alwaysReady > 0
          ? [
              {
                name: 'http'
                instanceCount: alwaysReady
              }
            ]
          : []
      }
    }
    ...(behindGateway
      ? {
          virtualNetworkSubnetId: subnetId
        }
      : {})
    siteConfig: {
      minTlsVersion: '1.2'
      ...(behindGateway
        ? {
            ipSecurityRestrictionsDefaultAction: 'Deny'
            ipSecurityRestrictions: [
              {
                name: 'gateway'
                priority: 100
                action: 'Allow'
                tag: 'ServiceTag'
                ipAddress: 'AzureFrontDoor.Backend'
                // The tag is every customer's Front Door; the header names ours.
                headers: {
                  'x-azure-fdid': [frontDoorId]
                }
              }
              {
                name: 'services'
                priority: 200
                action: 'Allow'
                vnetSubnetResourceId: subnetId
              }
            ]
          }
        : {})
      ftpsState: 'Disabled'
      http20Enabled: true
      appSettings: map(items(union(hostSettings, settings)), setting => {
        name: setting.key
        value: setting.value
      })
    }
  }
  dependsOn: [
    container
    storageRight
    publisher
  ]
}

resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noDeployPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output id string = app.id
