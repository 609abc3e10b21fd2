import { z } from 'zod';

export const Item = z.object({ name: z.string().min(1), cents: z.number().int(), count: z.number().int().positive() });
export type Item = z.infer<typeof Item>;

export function total(items: readonly Item[]): number {
  return items.reduce((sum, item) => sum + item.cents * item.count, 0);
}
