// The account, its containers and two data-plane roles. Keys are off: rights are given by rights.bicep, container by container.

import { ContainerTable } from '../types.bicep'

param location string
param nameSuffix string
param databaseName string
param containers ContainerTable
param serverless bool

@minValue(1000)
@description('Shared by all containers; unused when serverless.')
param maxThroughput int

param zoneRedundant bool

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' = {
  name: 'cosmos-${nameSuffix}'
  location: location
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: 'Enabled'
    consistencyPolicy: {
      defaultConsistencyLevel: 'Session'
    }
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: zoneRedundant
      }
    ]
    capabilities: serverless
      ? [
          {
            name: 'EnableServerless'
          }
        ]
      : []
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: 'Continuous7Days'
      }
    }
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-10-15' = {
  parent: account
  name: databaseName
  properties: {
    resource: {
      id: databaseName
    }
    options: serverless
      ? {}
      : {
          autoscaleSettings: {
            maxThroughput: maxThroughput
          }
        }
  }
}

resource container 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-10-15' = [
  for entry in items(containers): {
    parent: database
    name: entry.key
    properties: {
      resource: {
        id: entry.key
        partitionKey: {
          paths: entry.value.partitionKey
          kind: length(entry.value.partitionKey) > 1 ? 'MultiHash' : 'Hash'
          version: 2
        }
        // -1: an item expires when it says so itself.
        ...(entry.value.expires
          ? {
              defaultTtl: -1
            }
          : {})
        indexingPolicy: {
          indexingMode: 'consistent'
          includedPaths: [
            {
              path: '/*'
            }
          ]
          excludedPaths: map(concat(entry.value.unindexed, ['/"_etag"/?']), path => {
            path: path
          })
        }
      }
    }
  }
]

// Narrower than the built-in contributor, which may also change containers' conflicts and run stored procedures.
resource itemWriter 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2025-10-15' = {
  parent: account
  name: guid(account.id, 'item-writer')
  properties: {
    roleName: 'Drone delivery: items of a container'
    type: 'CustomRole'
    assignableScopes: [
      account.id
    ]
    permissions: [
      {
        dataActions: [
          'Microsoft.DocumentDB/databaseAccounts/readMetadata'
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/*'
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery'
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/readChangeFeed'
        ]
      }
    ]
  }
}

// For the readiness probe, which reads the database's properties.
resource metadataReader 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2025-10-15' = {
  parent: account
  name: guid(account.id, 'metadata-reader')
  properties: {
    roleName: 'Drone delivery: metadata of the database'
    type: 'CustomRole'
    assignableScopes: [
      account.id
    ]
    permissions: [
      {
        dataActions: [
          'Microsoft.DocumentDB/databaseAccounts/readMetadata'
        ]
      }
    ]
  }
}

output accountName string = account.name
output endpoint string = account.properties.documentEndpoint
output itemWriterId string = itemWriter.id
output metadataReaderId string = metadataReader.id
