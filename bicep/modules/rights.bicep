// What one identity may do with data: only its own hubs and containers.

param principalId string

@description('Stable word for the identity; role assignments are named after it.')
param principalKey string

param namespaceName string
param sends string[]
param receives string[]
param cosmosAccountName string
param databaseName string
param containers string[]
param itemWriterId string
param metadataReaderId string

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/analytics
var senderRole = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '2b629674-e913-4c01-ae53-ef4638d8f975'
)
var receiverRole = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  'a638d3c7-ab3a-418d-83e6-5f17a39d4fde'
)

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' existing = {
  name: namespaceName
}

resource sendHub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' existing = [
  for hub in sends: {
    parent: namespace
    name: hub
  }
]

resource receiveHub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' existing = [
  for hub in receives: {
    parent: namespace
    name: hub
  }
]

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (hub, index) in sends: {
    name: guid(sendHub[index].id, principalKey, senderRole)
    scope: sendHub[index]
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: senderRole
    }
  }
]

resource receiver 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (hub, index) in receives: {
    name: guid(receiveHub[index].id, principalKey, receiverRole)
    scope: receiveHub[index]
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: receiverRole
    }
  }
]

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: cosmosAccountName
}

// One at a time: Cosmos DB refuses changes of an account's roles while another is under way.
@batchSize(1)
resource writer 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = [
  for container in containers: {
    parent: account
    name: guid(account.id, container, principalKey, 'writer')
    properties: {
      principalId: principalId
      roleDefinitionId: itemWriterId
      scope: '${account.id}/dbs/${databaseName}/colls/${container}'
    }
  }
]

resource reader 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = if (!empty(containers)) {
  parent: account
  name: guid(account.id, principalKey, 'metadata')
  properties: {
    principalId: principalId
    roleDefinitionId: metadataReaderId
    scope: '${account.id}/dbs/${databaseName}'
  }
  dependsOn: [
    writer
  ]
}
