const { price } = require('../src/price');

describe('price', () => {
  test('has two digits', () => expect(price(250)).toBe('2.50 €'));
  test('may be zero', () => expect(price(0)).toMatchInlineSnapshot('"0.00 €"'));
});
