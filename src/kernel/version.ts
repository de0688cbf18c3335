/** The release, as health and discovery tell it and as outgoing requests name themselves. */
export const VERSION = '0.1.0';
