/** Made by `npm run routes` from the contracts in this folder: change those, then run it again. */
import type { RouteRef } from '../http/api-client.ts';
import type * as accounts from './accounts.ts';
import type * as deliveries from './deliveries.ts';
import type * as drones from './drones.ts';
import type * as history from './history.ts';
import type * as packages from './packages.ts';
import type * as requests from './requests.ts';
import type * as supervisor from './supervisor.ts';
import type * as thirdParty from './third-party.ts';
import type * as workflows from './workflows.ts';

export const accountExists: RouteRef<typeof accounts.accountExists> = {
  method: 'GET',
  path: 'account/{accountId}',
};

export const checkAdmission: RouteRef<typeof accounts.checkAdmission> = {
  method: 'GET',
  path: 'accounts/{accountId}/admission',
};

export const getAccount: RouteRef<typeof accounts.getAccount> = {
  method: 'GET',
  path: 'accounts/{accountId}',
};

export const getUser: RouteRef<typeof accounts.getUser> = {
  method: 'GET',
  path: 'accounts/{accountId}/users/{userId}',
};

export const holdQuota: RouteRef<typeof accounts.holdQuota> = {
  method: 'PUT',
  path: 'accounts/{accountId}/holds/{deliveryId}',
};

export const listHolds: RouteRef<typeof accounts.listHolds> = {
  method: 'GET',
  path: 'accountholds',
};

export const listUsers: RouteRef<typeof accounts.listUsers> = {
  method: 'GET',
  path: 'accounts/{accountId}/users',
};

export const patchAccount: RouteRef<typeof accounts.patchAccount> = {
  method: 'PATCH',
  path: 'accounts/{accountId}',
  contentType: 'application/merge-patch+json',
};

export const putAccount: RouteRef<typeof accounts.putAccount> = {
  method: 'PUT',
  path: 'accounts/{accountId}',
};

export const putUser: RouteRef<typeof accounts.putUser> = {
  method: 'PUT',
  path: 'accounts/{accountId}/users/{userId}',
};

export const releaseQuota: RouteRef<typeof accounts.releaseQuota> = {
  method: 'DELETE',
  path: 'accounts/{accountId}/holds/{deliveryId}',
};

export const removeUser: RouteRef<typeof accounts.removeUser> = {
  method: 'DELETE',
  path: 'accounts/{accountId}/users/{userId}',
};

export const confirmDelivery: RouteRef<typeof deliveries.confirmDelivery> = {
  method: 'POST',
  path: 'deliveries/{deliveryId}/confirmations',
};

export const createShareLink: RouteRef<typeof deliveries.createShareLink> = {
  method: 'POST',
  path: 'deliveries/{deliveryId}/sharelinks',
};

export const getConfirmation: RouteRef<typeof deliveries.getConfirmation> = {
  method: 'GET',
  path: 'deliveries/{deliveryId}/confirmations/{proofId}',
};

export const getDelivery: RouteRef<typeof deliveries.getDelivery> = {
  method: 'GET',
  path: 'deliveries/{deliveryId}',
};

export const getDeliveryOwner: RouteRef<typeof deliveries.getDeliveryOwner> = {
  method: 'GET',
  path: 'deliveries/{deliveryId}/owner',
};

export const getDeliveryStatus: RouteRef<typeof deliveries.getDeliveryStatus> = {
  method: 'GET',
  path: 'deliveries/{deliveryId}/status',
};

export const getPublicDelivery: RouteRef<typeof deliveries.getPublicDelivery> = {
  method: 'GET',
  path: 'deliveries/public/{token}',
};

export const getWebhookSecrets: RouteRef<typeof deliveries.getWebhookSecrets> = {
  method: 'GET',
  path: 'deliveries/webhooksecrets',
};

export const listConfirmations: RouteRef<typeof deliveries.listConfirmations> = {
  method: 'GET',
  path: 'deliveries/{deliveryId}/confirmations',
};

export const listDeliveryEvents: RouteRef<typeof deliveries.listDeliveryEvents> = {
  method: 'GET',
  path: 'deliveries/{deliveryId}/events',
};

export const listShareLinks: RouteRef<typeof deliveries.listShareLinks> = {
  method: 'GET',
  path: 'deliveries/{deliveryId}/sharelinks',
};

export const moveDelivery: RouteRef<typeof deliveries.moveDelivery> = {
  method: 'POST',
  path: 'deliveries/{deliveryId}/transitions',
};

export const notifyMe: RouteRef<typeof deliveries.notifyMe> = {
  method: 'POST',
  path: 'deliveries/{deliveryId}/notifymerequests',
};

export const putDelivery: RouteRef<typeof deliveries.putDelivery> = {
  method: 'PUT',
  path: 'deliveries/{deliveryId}',
};

export const revokeShareLink: RouteRef<typeof deliveries.revokeShareLink> = {
  method: 'DELETE',
  path: 'deliveries/{deliveryId}/sharelinks/{linkId}',
};

export const summarizeDeliveries: RouteRef<typeof deliveries.summarizeDeliveries> = {
  method: 'GET',
  path: 'deliveries/summary',
};

export const confirmMission: RouteRef<typeof drones.confirmMission> = {
  method: 'PUT',
  path: 'dronedeliveries/{deliveryId}/acceptance',
};

export const dispatchDrone: RouteRef<typeof drones.dispatchDrone> = {
  method: 'PUT',
  path: 'dronedeliveries/{deliveryId}/mission',
};

export const droneUtilization: RouteRef<typeof drones.droneUtilization> = {
  method: 'GET',
  path: 'dronedeliveries/utilization',
};

export const getDrone: RouteRef<typeof drones.getDrone> = {
  method: 'GET',
  path: 'drones/{droneId}',
};

export const getDroneDelivery: RouteRef<typeof drones.getDroneDelivery> = {
  method: 'GET',
  path: 'dronedeliveries/{deliveryId}',
};

export const listDrones: RouteRef<typeof drones.listDrones> = {
  method: 'GET',
  path: 'drones',
};

export const listDronesNearby: RouteRef<typeof drones.listDronesNearby> = {
  method: 'GET',
  path: 'drones/nearby',
};

export const putDrone: RouteRef<typeof drones.putDrone> = {
  method: 'PUT',
  path: 'drones/{droneId}',
};

export const quoteDrone: RouteRef<typeof drones.quoteDrone> = {
  method: 'POST',
  path: 'dronedeliveries/quotes',
};

export const recallDrone: RouteRef<typeof drones.recallDrone> = {
  method: 'PUT',
  path: 'dronedeliveries/{deliveryId}/recall',
};

export const releaseDrone: RouteRef<typeof drones.releaseDrone> = {
  method: 'DELETE',
  path: 'dronedeliveries/{deliveryId}',
};

export const reserveDrone: RouteRef<typeof drones.reserveDrone> = {
  method: 'PUT',
  path: 'dronedeliveries/{deliveryId}',
};

export const archiveDelivery: RouteRef<typeof history.archiveDelivery> = {
  method: 'PUT',
  path: 'deliveryhistory/{deliveryId}',
};

export const getHistoryEntry: RouteRef<typeof history.getHistoryEntry> = {
  method: 'GET',
  path: 'deliveryhistory/{deliveryId}',
};

export const searchHistory: RouteRef<typeof history.searchHistory> = {
  method: 'GET',
  path: 'deliveryhistory',
};

export const summarizeHistory: RouteRef<typeof history.summarizeHistory> = {
  method: 'GET',
  path: 'deliveryhistory/summary/{ownerId}',
};

export const deletePackage: RouteRef<typeof packages.deletePackage> = {
  method: 'DELETE',
  path: 'packages/{packageId}',
};

export const getPackage: RouteRef<typeof packages.getPackage> = {
  method: 'GET',
  path: 'packages/{packageId}',
};

export const patchPackage: RouteRef<typeof packages.patchPackage> = {
  method: 'PATCH',
  path: 'packages/{packageId}',
  contentType: 'application/merge-patch+json',
};

export const putPackage: RouteRef<typeof packages.putPackage> = {
  method: 'PUT',
  path: 'packages/{packageId}',
};

export const summarizePackages: RouteRef<typeof packages.summarizePackages> = {
  method: 'GET',
  path: 'packages/summary/{ownerId}',
};

export const acceptRequest: RouteRef<typeof requests.acceptRequest> = {
  method: 'PUT',
  path: 'deliveryrequests/{deliveryId}/acceptance',
};

export const cancelRequest: RouteRef<typeof requests.cancelRequest> = {
  method: 'DELETE',
  path: 'deliveryrequests/{deliveryId}',
};

export const getRequest: RouteRef<typeof requests.getRequest> = {
  method: 'GET',
  path: 'deliveryrequests/{deliveryId}',
};

export const listRequests: RouteRef<typeof requests.listRequests> = {
  method: 'GET',
  path: 'deliveryrequests',
};

export const quote: RouteRef<typeof requests.quote> = {
  method: 'POST',
  path: 'quotes',
};

export const rescheduleRequest: RouteRef<typeof requests.rescheduleRequest> = {
  method: 'PATCH',
  path: 'deliveryrequests/{deliveryId}',
  contentType: 'application/merge-patch+json',
};

export const submitRequest: RouteRef<typeof requests.submitRequest> = {
  method: 'POST',
  path: 'deliveryrequests',
};

export const discardDeadLetter: RouteRef<typeof supervisor.discardDeadLetter> = {
  method: 'POST',
  path: 'supervisor/deadletters/{hub}/{day}/{letterId}/discard',
};

export const getDeadLetter: RouteRef<typeof supervisor.getDeadLetter> = {
  method: 'GET',
  path: 'supervisor/deadletters/{hub}/{day}/{letterId}',
};

export const listDeadLetters: RouteRef<typeof supervisor.listDeadLetters> = {
  method: 'GET',
  path: 'supervisor/deadletters',
};

export const listWorkItems: RouteRef<typeof supervisor.listWorkItems> = {
  method: 'GET',
  path: 'supervisor/workitems',
};

export const recordDeadLetter: RouteRef<typeof supervisor.recordDeadLetter> = {
  method: 'POST',
  path: 'supervisor/deadletters',
};

export const recordWorkItem: RouteRef<typeof supervisor.recordWorkItem> = {
  method: 'POST',
  path: 'supervisor/workitems',
};

export const replayDeadLetter: RouteRef<typeof supervisor.replayDeadLetter> = {
  method: 'POST',
  path: 'supervisor/deadletters/{hub}/{day}/{letterId}/replay',
};

export const settleWorkItem: RouteRef<typeof supervisor.settleWorkItem> = {
  method: 'POST',
  path: 'supervisor/workitems/{deliveryId}/{itemId}/settle',
};

export const bookCarrier: RouteRef<typeof thirdParty.bookCarrier> = {
  method: 'PUT',
  path: 'thirdpartydeliveries/{deliveryId}',
};

export const cancelCarrier: RouteRef<typeof thirdParty.cancelCarrier> = {
  method: 'DELETE',
  path: 'thirdpartydeliveries/{deliveryId}',
};

export const carrierEvent: RouteRef<typeof thirdParty.carrierEvent> = {
  method: 'POST',
  path: 'thirdpartydeliveries/{deliveryId}/events',
};

export const listBookings: RouteRef<typeof thirdParty.listBookings> = {
  method: 'GET',
  path: 'thirdpartydeliveries',
};

export const quoteCarriers: RouteRef<typeof thirdParty.quoteCarriers> = {
  method: 'POST',
  path: 'thirdpartydeliveries/quotes',
};

export const compensateWorkflow: RouteRef<typeof workflows.compensateWorkflow> = {
  method: 'POST',
  path: 'workflows/{deliveryId}/compensation',
};

export const getWorkflow: RouteRef<typeof workflows.getWorkflow> = {
  method: 'GET',
  path: 'workflows/{deliveryId}',
};

export const listOverdueWorkflows: RouteRef<typeof workflows.listOverdueWorkflows> = {
  method: 'GET',
  path: 'workflows/overdue',
};

export const nudgeWorkflow: RouteRef<typeof workflows.nudgeWorkflow> = {
  method: 'POST',
  path: 'workflows/{deliveryId}/nudge',
};

export const putInboxEvent: RouteRef<typeof workflows.putInboxEvent> = {
  method: 'PUT',
  path: 'workflows/{deliveryId}/inbox/{eventId}',
};
