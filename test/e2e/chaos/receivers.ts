import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Chance } from '../../quota/simulation/chance.ts';

export interface Arrival {
  receiver: string;
  /** Its `webhook-id`. */
  id: string;
  transaction: string;
  body: string;
  /** Whether it is answered with 204; an answer may still not reach the sender. */
  accepted: boolean;
}

const SLOWEST_MS = 300;
const REFUSED = 0.3;

/**
 * One server for each name, since deliveries in flight are bounded by origin. They keep what arrives, answer after a while,
 * and one refuses some deliveries when it first sees them. A refusal is never repeated: the third delay between
 * attempts is half a minute, the fourth five.
 */
export class Receivers {
  readonly arrivals: Arrival[] = [];
  readonly #refusing: string;
  readonly #chance: Chance;
  readonly #servers = new Map<string, Server>();
  #held: PromiseWithResolvers<void> | undefined;
  #arrived = Promise.withResolvers<void>();

  constructor(refusing: string, chance: Chance) {
    this.#refusing = refusing;
    this.#chance = chance;
  }

  async start(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const server = createServer((request, response) => void this.#receive(name, request, response));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      this.#servers.set(name, server);
    }
  }

  urlOf(name: string): string {
    const address = this.#servers.get(name)?.address() as AddressInfo;
    return `http://127.0.0.1:${address.port}/`;
  }

  /** From now on nothing is answered. */
  hold(): void {
    this.#held = Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  nextArrival(): Promise<void> {
    return this.#arrived.promise;
  }

  stop(): void {
    for (const server of this.#servers.values()) {
      server.closeAllConnections();
      server.close();
    }
  }

  async #receive(receiver: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    // What a sender that was killed did not finish has not arrived.
    try {
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
    } catch {
      return;
    }
    const id = String(request.headers['webhook-id']);
    const isKnown = this.arrivals.some((arrival) => arrival.id === id);
    const accepted = receiver !== this.#refusing || isKnown || this.#chance.next() >= REFUSED;
    const { transaction_hash: transaction } = JSON.parse(body) as { transaction_hash: string };
    this.arrivals.push({ receiver, id, transaction, body, accepted });
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
    await delay(this.#chance.between(0, SLOWEST_MS));
    await this.#held?.promise;
    response.writeHead(accepted ? 204 : 500).end();
  }
}
