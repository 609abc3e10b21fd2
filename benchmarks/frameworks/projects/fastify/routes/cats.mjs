import { z } from 'zod';

const Query = z.object({ name: z.string().default('Tom') });

export async function cats(app) {
  app.get('/', async (request) => [Query.parse(request.query)]);
}
