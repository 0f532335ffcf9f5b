/** Subjects that identity providers issue and that are no ids of ours. */
export const SUBJECTS = [
  '_AAAAIkzqFVrSaSaFHy782bbtaQ',
  '-c4AIkzqFVrSaSaFHy782bbtaQ',
  'google-oauth2|1083',
  'alice@contoso.example',
  'we ird',
  'https://login.example/users/7?tenant=1#top',
  'Ζωή 😀',
  'x'.repeat(255),
  '漢'.repeat(255),
];
