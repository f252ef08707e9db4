// The audits of GraphQL over HTTP against the server at the given URL. Exits non-zero unless every one passes.
import { serverAudits } from 'graphql-http';

const EXPECTED = 61;
const url = process.argv[2];

let passed = 0;
for (const audit of serverAudits({ url })) {
  const result = await audit.fn();
  if (result.status === 'ok') passed += 1;
  else console.error(`${result.status.toUpperCase()} ${result.id} ${result.name}: ${result.reason}`);
  if (result.response && !result.response.bodyUsed) await result.response.body?.cancel();
}
console.log(`${passed} of ${EXPECTED} audits passed`);
process.exit(passed === EXPECTED ? 0 : 1);
