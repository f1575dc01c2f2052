// The published Node.js SDK over TLS with real names and each kind of credential. Arguments: the base domain, a v1 key,
// a v2 key, and the cache to use, which the keys may create.
import assert from 'node:assert';
import {
  AllTopics, AuthClient, CacheClient, CacheRole, Configurations, CredentialProvider, ExpiresIn, TopicClient, TopicConfigurations,
} from '@gomomento/sdk';

const [domain, v1, v2, cache] = process.argv.slice(2);

function open(credentialProvider) {
  return CacheClient.create({ configuration: Configurations.Laptop.v1(), credentialProvider, defaultTtlSeconds: 60 });
}

function is(response, type, what) {
  assert.equal(response.type, type, `${what}: ${response}`);
  return response;
}

const byV1 = await open(CredentialProvider.fromString(v1));
is(await byV1.createCache(cache), 'Success', 'create with a v1 key');
is(await byV1.set(cache, 'public/a', '1'), 'Success', 'set with a v1 key');
is(await byV1.set(cache, 'secret/a', '2'), 'Success', 'set with a v1 key');

const byV2 = await open(CredentialProvider.fromApiKeyV2({ apiKey: v2, endpoint: domain }));
assert.equal(is(await byV2.get(cache, 'public/a'), 'Hit', 'get with a v2 key').value(), '1');
is(await byV2.createCache(cache), 'AlreadyExists', 'create again with a v2 key');

const auth = new AuthClient({ credentialProvider: CredentialProvider.fromString(v1) });
const token = is(await auth.generateDisposableToken(
  { permissions: [{ role: CacheRole.ReadOnly, cache, item: { keyPrefix: 'public/' } }] },
  ExpiresIn.minutes(5), { tokenId: 'reader' }), 'Success', 'generate a disposable token');
const byToken = await open(CredentialProvider.fromString(token.authToken));
assert.equal(is(await byToken.get(cache, 'public/a'), 'Hit', 'get with a token').value(), '1');
for (const [what, response] of [
  ['another prefix', await byToken.get(cache, 'secret/a')],
  ['a write', await byToken.set(cache, 'public/a', '3')],
  ['another cache', await byToken.get(cache + '-other', 'public/a')],
  ['the control plane', await byToken.deleteCache(cache)],
]) {
  is(response, 'Error', what);
  assert.equal(response.errorCode(), 'PERMISSION_ERROR', what);
}

const short = is(await auth.generateDisposableToken(
  { permissions: [{ role: CacheRole.ReadWrite, cache, item: 'public/a' }] }, ExpiresIn.seconds(1)), 'Success', 'a short token');
await new Promise(resolve => setTimeout(resolve, 1500));
const late = await (await open(CredentialProvider.fromString(short.authToken))).get(cache, 'public/a');
assert.equal(is(late, 'Error', 'an expired token').errorCode(), 'AUTHENTICATION_ERROR');

const altered = await (await open(CredentialProvider.fromApiKeyV2({ apiKey: v2.slice(0, -2) + 'xx', endpoint: domain }))).get(cache, 'k');
assert.equal(is(altered, 'Error', 'an altered key').errorCode(), 'AUTHENTICATION_ERROR');

const topics = new TopicClient({ configuration: TopicConfigurations.Default.latest(), credentialProvider: CredentialProvider.fromString(v1) });
const got = new Promise((resolve, reject) => {
  topics.subscribe(cache, 'news', { onItem: item => resolve(item.value()), onError: reject }).then(s => is(s, 'Subscription', 'subscribe'));
});
await new Promise(resolve => setTimeout(resolve, 300));
is(await topics.publish(cache, 'news', 'hello'), 'Success', 'publish');
assert.equal(await got, 'hello');

is(await byV1.deleteCache(cache), 'Success', 'delete');
console.log('ok');
process.exit(0);
