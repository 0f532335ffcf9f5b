// Shapes that main.bicep and the parameter files share.

@export()
@description('How large, and how separate.')
type Size = {
  @description('true: one Function App per service, each with an identity of its own; false: one for all.')
  appPerService: bool
  @description('true: pay per request; false: autoscaled up to cosmosMaxThroughput.')
  cosmosServerless: bool
  @minValue(1000)
  @description('Request units per second that all containers share; unused when serverless.')
  cosmosMaxThroughput: int
  @description('Spread over availability zones.')
  zoneRedundant: bool
  @minValue(1)
  @maxValue(40)
  @description('Throughput units to begin with.')
  eventHubsUnits: int
  @minValue(1)
  @maxValue(40)
  @description('Throughput units to grow to.')
  eventHubsMaxUnits: int
  @minValue(1)
  @maxValue(1000)
  maxInstances: int
  @minValue(0)
  @description('Instances of each app that are kept warm for HTTP.')
  alwaysReady: int
  nodes: {
    vmSize: string
    @minValue(1)
    min: int
    @maxValue(100)
    max: int
  }
  @minValue(30)
  @maxValue(730)
  logRetentionDays: int
}

@export()
@sealed()
@description('A third-party carrier. Sealed: a key has no place in a template.')
type Carrier = {
  carrierId: string
  url: string
}

@export()
@description('Container of topology.yaml.')
type ContainerTable = {
  *: {
    partitionKey: string[]
    expires: bool
    unindexed: string[]
  }
}

@export()
@description('Hub of topology.yaml.')
type HubTable = {
  *: {
    partitions: int
    consumers: string[]
  }
}
