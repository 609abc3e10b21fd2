import { greeting } from './greeting';

export default {
  async fetch(request: Request): Promise<Response> {
    return new Response(greeting(new URL(request.url).pathname));
  },
};
