import { describe, expect, it } from 'vitest';
import { Item, total } from '../src/cart.ts';

describe('cart', () => {
  it('adds', () => expect(total([{ name: 'tea', cents: 250, count: 2 }])).toBe(500));
  it('refuses an item without a name', () => expect(() => Item.parse({ name: '', cents: 1, count: 1 })).toThrow());
});
