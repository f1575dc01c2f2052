// The suite with the published Node.js SDK: node momento.mjs HOST PORT
import * as sdk from '@gomomento/sdk';
import {suite} from './suite.mjs';

const [host, port] = process.argv.slice(2);
const credentialProvider = new sdk.MomentoLocalProvider({hostname: host, port: Number(port)});
const loggerFactory = new sdk.NoopMomentoLoggerFactory();
const cache = await sdk.CacheClient.create({
  configuration: sdk.Configurations.Laptop.v1(loggerFactory).withClientTimeoutMillis(30_000),
  credentialProvider,
  defaultTtlSeconds: 60,
});
const leaderboards = new sdk.PreviewLeaderboardClient({
  configuration: sdk.LeaderboardConfigurations.Laptop.v1(loggerFactory),
  credentialProvider,
});
const checks = await suite(sdk, {cache, leaderboards}, {largest: 5_000_000, refused: 5_300_000});
console.log(`${checks} checks`);
process.exit(0);
