using 'main.bicep'

// One app per service behind Front Door, over three zones, warm.
param stage = 'prod'
param apiAudience = readEnvironmentVariable('API_AUDIENCE', 'api://drone-delivery')
param notifyRelayUrl = readEnvironmentVariable('NOTIFY_RELAY_URL', 'https://notify.fabrikam.com/send')
param webhookSigningKeys = readEnvironmentVariable('WEBHOOK_SIGNING_KEYS', '')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', 'operations@fabrikam.com')

param carriers = [
  {
    carrierId: 'swift-courier'
    url: 'https://api.swift-courier.com'
  }
]

param size = {
  appPerService: true
  cosmosServerless: false
  cosmosMaxThroughput: 10000
  zoneRedundant: true
  eventHubsUnits: 2
  eventHubsMaxUnits: 10
  maxInstances: 100
  alwaysReady: 1
  nodes: {
    vmSize: 'Standard_D4as_v5'
    min: 3
    max: 10
  }
  logRetentionDays: 90
}
