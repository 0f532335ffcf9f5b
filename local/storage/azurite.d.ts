/** Azurite publishes no types; azurite-parts.ts declares the parts that are used. Its exact version is pinned in package.json. */

declare module 'azurite/dist/src/blob/BlobConfiguration.js' {
  const exported: unknown;
  export default exported;
}
declare module 'azurite/dist/src/blob/BlobServer.js' {
  const exported: unknown;
  export default exported;
}
declare module 'azurite/dist/src/queue/QueueConfiguration.js' {
  const exported: unknown;
  export default exported;
}
declare module 'azurite/dist/src/queue/QueueServer.js' {
  const exported: unknown;
  export default exported;
}
declare module 'azurite/dist/src/table/TableConfiguration.js' {
  const exported: unknown;
  export default exported;
}
declare module 'azurite/dist/src/table/TableServer.js' {
  const exported: unknown;
  export default exported;
}
