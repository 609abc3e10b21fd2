import { Router } from 'express';
import { z } from 'zod';

const Cat = z.object({ name: z.string() });

export const routes = Router().get('/', (_request, response) => response.json([Cat.parse({ name: 'Tom' })]));
