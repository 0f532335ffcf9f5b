#!/bin/sh
# Grants the application role `service` of the API to the identities that call it: those of the apps, which call each other,
# and tracking's, which hands in dead letters. A role of Entra ID is no resource of Azure, so main.bicep cannot grant it.
# `azd` runs this after each provisioning; running it again changes nothing.
#
# Needs API_AUDIENCE, APP_PRINCIPAL_IDS (a JSON array) and TRACKING_PRINCIPAL_ID, which main.bicep answers, and an account that may
# assign application roles (Cloud Application Administrator).
# https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto
set -eu

graph='https://graph.microsoft.com/v1.0/servicePrincipals'
api=$(az ad sp show --id "$API_AUDIENCE" --query id --output tsv)
role=$(az ad sp show --id "$API_AUDIENCE" --query "appRoles[?value=='service'].id | [0]" --output tsv)
if [ -z "$role" ]; then
  echo "the registration $API_AUDIENCE has no application role 'service': add it" >&2
  exit 1
fi

granted=$(az rest --method get --uri "$graph/$api/appRoleAssignedTo" \
  --query "value[?appRoleId=='$role'].principalId" --output tsv)
for principal in $(printf '%s' "$APP_PRINCIPAL_IDS" | tr -d '[]", ' | fold -w 36) "$TRACKING_PRINCIPAL_ID"; do
  case "$granted" in
    *"$principal"*) continue ;;
  esac
  az rest --method post --uri "$graph/$api/appRoleAssignedTo" --output none \
    --body "{\"principalId\":\"$principal\",\"resourceId\":\"$api\",\"appRoleId\":\"$role\"}"
  echo "granted 'service' to $principal"
done
