import { expect, it } from 'vitest';
import { slug } from '../src/slug.ts';

it('makes a slug', () => expect(slug('Déjà vu, again')).toBe('deja-vu-again'));
