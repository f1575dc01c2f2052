// The suite with the published web SDK, inside a page; web.mjs bundles it and reads the result.
import * as sdk from '@gomomento/sdk-web';
import {suite} from '../suite.mjs';

const {hostname, port} = Object.fromEntries(new URLSearchParams(location.search));
const endpoint = `http://${hostname}:${port}`;
// The web SDK exports no local provider: this is what the Node.js SDK's one says.
const credentialProvider = {
  getAuthToken: () => '',
  getCacheEndpoint: () => endpoint,
  getControlEndpoint: () => endpoint,
  getTokenEndpoint: () => endpoint,
  isEndpointSecure: () => false,
  isCacheEndpointSecure: () => false,
  isControlEndpointSecure: () => false,
  isTokenEndpointSecure: () => false,
  areEndpointsOverridden: () => true,
  withMomentoLocal: () => credentialProvider,
};
const loggerFactory = new sdk.NoopMomentoLoggerFactory();

async function run() {
  const cache = new sdk.CacheClient({
    configuration: sdk.Configurations.Laptop.v1(loggerFactory).withClientTimeoutMillis(30_000),
    credentialProvider,
    defaultTtlSeconds: 60,
  });
  const leaderboards = new sdk.PreviewLeaderboardClient({
    configuration: sdk.LeaderboardConfigurations.Laptop.v1(loggerFactory),
    credentialProvider,
  });
  // This SDK passes a value's bytes as the arguments of one function, of which a browser takes about 100,000.
  return suite(sdk, {cache, leaderboards}, {largest: 50_000, refused: 0});
}

run().then(
  (checks) => (window.result = {checks}),
  (error) => (window.result = {error: String(error.stack ?? error)}),
);
