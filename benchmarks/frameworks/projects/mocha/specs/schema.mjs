import { expect } from 'chai';
import { User } from '../src/schema.mjs';

describe('User', () => {
  it('has a name', () => expect(User.safeParse({ name: 'Ada' }).success).to.equal(true));
  it('needs a name', () => expect(User.safeParse({}).success).to.equal(false));
});
