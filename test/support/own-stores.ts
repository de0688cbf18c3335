/**
 * Runs before every workerd test file: gives the file a database of its own (a clone of the migrated one) and a Redis of
 * its own (limits by address are counted there, and files run at the same time), and primes the isolate's configuration
 * with them, so that the Worker, its queue consumers and its Durable Objects all use them.
 */
import { afterAll } from 'vitest';
import { primeConfig, readConfig } from '../../src/env.ts';
import { endStores, newStores } from './lab/client.ts';
import { testSettings } from './settings.ts';

const stores = await newStores();
primeConfig(readConfig(testSettings(stores)));

afterAll(() => endStores(stores));
