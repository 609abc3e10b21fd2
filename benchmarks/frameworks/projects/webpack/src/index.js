import { map, range } from 'rxjs';
import { twice } from './twice.js';

range(1, 3).pipe(map(twice)).subscribe(console.log);
import('./late.js').then(({ late }) => console.log(late));
