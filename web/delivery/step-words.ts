/** Words for the customer for the workflow's steps before there is a delivery. */
export const STEP_WORDS: Readonly<Record<string, string>> = {
  recorded: 'Waiting to be processed',
  holdQuota: 'Checking the account',
  upsertPackage: 'Recording the parcel',
  reserveDrone: 'Looking for the best drone',
  bookCarrier: 'Asking couriers',
  createDelivery: 'Making the plan',
};
