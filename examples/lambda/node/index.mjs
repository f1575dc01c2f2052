// A Lambda function that reads a product through hearth, with AWS's runtime client and Momento's SDK as they are.
import { CacheClient, CacheGetResponse, Configurations, CredentialProvider, MomentoLocalProvider } from '@gomomento/sdk';

// What an execution environment keeps between its invocations: a cache of its own, which starts empty, and a connection
// to the one that all share.
const local = new Map();
const cache = process.env.HEARTH_CACHE ?? 'products';
const hearth = await CacheClient.create({
  configuration: Configurations.Lambda.latest(),
  credentialProvider: process.env.MOMENTO_API_KEY
    ? CredentialProvider.fromEnvironmentVariable('MOMENTO_API_KEY')
    : new MomentoLocalProvider({ hostname: '127.0.0.1', port: Number(process.env.HEARTH_PORT ?? 8080) }),
  defaultTtlSeconds: 60,
});

async function load(id) {
  const response = await fetch(`${process.env.ORIGIN}/${id}`);
  if (!response.ok) throw new Error(`the origin says ${response.status}`);
  return response.text();
}

export async function handler(event) {
  const environment = process.env.AWS_LAMBDA_LOG_STREAM_NAME;
  if (local.has(event.id)) return { source: 'local', product: local.get(event.id), environment };
  let source = 'hearth';
  let product;
  const found = await hearth.get(cache, event.id);
  if (found.type === CacheGetResponse.Hit) {
    product = found.valueString();
  } else {
    source = 'origin';
    product = await load(event.id);
    await hearth.set(cache, event.id, product);
  }
  local.set(event.id, product);
  return { source, product, environment };
}
