import type { Drawer, KnownKey } from './protocol.ts';

/** As the units are counted under. */
export function drawerName(drawer: Drawer, key: Pick<KnownKey, 'id'> | undefined): string {
  switch (drawer.kind) {
    case 'key':
      return `key:${key?.id ?? ''}`;
    case 'user':
      return `user:${drawer.userId}`;
    case 'wallet':
      return `wallet:${drawer.address}`;
    case 'anonymous':
      return 'anonymous';
  }
}
