using 'main.bicep'

// One app, pay per use, one node: for trying it out.
param stage = 'small'
param apiAudience = readEnvironmentVariable('API_AUDIENCE', 'api://drone-delivery')
param webhookSigningKeys = readEnvironmentVariable('WEBHOOK_SIGNING_KEYS', '')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')

param size = {
  appPerService: false
  cosmosServerless: true
  cosmosMaxThroughput: 1000
  zoneRedundant: false
  eventHubsUnits: 1
  eventHubsMaxUnits: 1
  maxInstances: 40
  alwaysReady: 0
  nodes: {
    vmSize: 'Standard_D2as_v5'
    min: 1
    max: 2
  }
  logRetentionDays: 30
}
