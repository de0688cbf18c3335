/**
 * Runs before every workerd test file: gives the file a database of its own (a clone of the migrated one) and primes
 * the isolate's configuration with it, so that the Worker, its queue consumers and its Durable Objects all use it.
 */
import { primeConfig, readConfig } from '../../src/env.ts';
import { newDatabase } from './lab/client.ts';
import { testSettings } from './settings.ts';

primeConfig(readConfig(testSettings(await newDatabase())));
