// The few conditions that should wake an operator; the supervisor reports single deliveries.

param location string
param nameSuffix string
param email string
param namespaceName string
param cosmosAccountName string
param workspaceId string

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' existing = {
  name: namespaceName
}

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: cosmosAccountName
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${nameSuffix}'
  location: 'global'
  properties: {
    groupShortName: 'drones'
    enabled: true
    emailReceivers: [
      {
        name: 'operations'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource throttledHubs 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: 'alert-event-hubs-throttled-${nameSuffix}'
  location: 'global'
  properties: {
    description: 'Event Hubs refuses events: more throughput units are needed, or something floods a hub.'
    severity: 2
    enabled: true
    scopes: [
      namespace.id
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricNamespace: 'Microsoft.EventHub/namespaces'
          metricName: 'ThrottledRequests'
          operator: 'GreaterThan'
          threshold: 10
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}

resource throttledCosmos 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: 'alert-cosmos-throttled-${nameSuffix}'
  location: 'global'
  properties: {
    description: 'Cosmos DB answers 429: a partition is hot, or the throughput is too small.'
    severity: 2
    enabled: true
    scopes: [
      account.id
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'TotalRequests'
          dimensions: [
            {
              name: 'StatusCode'
              operator: 'Include'
              values: ['429']
            }
          ]
          operator: 'GreaterThan'
          threshold: 50
          timeAggregation: 'Count'
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}

resource failedRequests 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = {
  name: 'alert-failed-requests-${nameSuffix}'
  location: location
  properties: {
    displayName: 'Requests that ended in 5xx'
    description: 'More than one request in a hundred failed by our fault within 15 minutes.'
    severity: 1
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      allOf: [
        {
          query: 'AppRequests | where isnotempty(Url) | summarize failed = countif(toint(ResultCode) >= 500), total = count() | where total > 20 and failed > total / 100.0'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}

resource failingTriggers 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = {
  name: 'alert-failing-triggers-${nameSuffix}'
  location: location
  properties: {
    displayName: 'A trigger that keeps failing'
    description: 'Executions of one trigger failed more than ten times within 15 minutes: its retry policy brings the same batch again.'
    severity: 1
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      allOf: [
        {
          query: 'AppRequests | where isempty(Url) and Success == false | summarize failed = count() by OperationName | where failed > 10'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}
