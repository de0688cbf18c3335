/** Offset paging as the public contract has it. */
export interface PageRequest {
  limit: number;
  offset: number;
}

export interface Page<T> {
  data: T[];
  pagination: { total: number; limit: number; offset: number; has_more: boolean };
}

export function toPage<T>(data: T[], total: number, { limit, offset }: PageRequest): Page<T> {
  return { data, pagination: { total, limit, offset, has_more: offset + data.length < total } };
}
