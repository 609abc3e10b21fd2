export const dynamic = 'force-dynamic';

export default async function Page() {
  return <h1>Hello from the server</h1>;
}
