import { rfc3339 } from '../../kernel/clock.ts';
import type { UserRow } from './store.ts';

export const userToWire = (user: UserRow) => ({
  id: user.id,
  username: user.username,
  email: user.email,
  created_at: rfc3339(user.createdAt),
  last_login_at: user.lastLoginAt && rfc3339(user.lastLoginAt),
  is_active: user.isActive,
});
