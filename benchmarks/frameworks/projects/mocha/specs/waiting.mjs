import { expect } from 'chai';
import { firstValueFrom, of } from 'rxjs';

it('waits', async () => expect(await firstValueFrom(of(1))).to.equal(1));
