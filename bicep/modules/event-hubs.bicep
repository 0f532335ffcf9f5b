// The namespace, its hubs and their consumer groups. Keys are off: rights are given by rights.bicep, hub by hub.

import { HubTable } from '../types.bicep'

param location string
param nameSuffix string
param hubs HubTable
param workspaceId string

@minValue(1)
param units int

@minValue(1)
param maxUnits int

param zoneRedundant bool

@description('Longer than the longest outage of a consumer that is to be survived.')
param retentionHours int = 168

var groups = flatten(map(
  items(hubs),
  hub =>
    map(hub.value.consumers, consumer => {
      hub: hub.key
      consumer: consumer
    })
))

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' = {
  name: 'evhns-${nameSuffix}'
  location: location
  sku: {
    name: 'Standard'
    tier: 'Standard'
    capacity: units
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
    zoneRedundant: zoneRedundant
    isAutoInflateEnabled: maxUnits > units
    maximumThroughputUnits: maxUnits > units ? maxUnits : 0
  }
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' = [
  for entry in items(hubs): {
    parent: namespace
    name: entry.key
    properties: {
      partitionCount: entry.value.partitions
      retentionDescription: {
        cleanupPolicy: 'Delete'
        retentionTimeInHours: retentionHours
      }
    }
  }
]

resource group 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2026-01-01' = [
  for entry in groups: {
    name: '${namespace.name}/${entry.hub}/${entry.consumer}'
    dependsOn: [
      hub
    ]
  }
]

// The newest there is besides one of 2016.
#disable-next-line use-recent-api-versions
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'RuntimeAuditLogs'
        enabled: true
      }
      {
        category: 'ArchiveLogs'
        enabled: false
      }
    ]
  }
}

output namespaceName string = namespace.name
output fullyQualifiedNamespace string = '${namespace.name}.servicebus.windows.net'
