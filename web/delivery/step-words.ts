/** The steps of the workflow before there is a delivery, in words for the customer. */
export const STEP_WORDS: Readonly<Record<string, string>> = {
  recorded: 'Waiting to be taken up',
  holdQuota: 'Checking the account',
  upsertPackage: 'Writing down the parcel',
  reserveDrone: 'Looking for the best drone',
  bookCarrier: 'Asking couriers',
  createDelivery: 'Making the plan',
};
