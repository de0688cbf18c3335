import type { EdgeState } from '../../../src/quota/edge-state.ts';
import { takesAway } from '../../../src/quota/edge-state.ts';
import type { AdmitAnswer, AdmitRequest } from '../../../src/quota/protocol.ts';
import { type Draft, openWindow, type QuotaState, stateFrom, type Window } from '../../../src/quota/state.ts';
import type { Core, Storage } from './core.ts';
import type { NodeClock } from './time.ts';

/** The object's shell without a runtime: the order of deciding, writing and answering is that of the real one. */
export class ModelObject {
  readonly #core: Core;
  readonly #newId: () => string;
  readonly #storage: Storage;
  readonly clock: NodeClock;
  #settledAt = 0;
  edge: EdgeState;
  state: QuotaState = stateFrom([]);

  constructor(core: Core, clock: NodeClock, edge: EdgeState, newId: () => string) {
    this.#core = core;
    this.#newId = newId;
    this.#storage = core.newStorage();
    this.clock = clock;
    this.edge = edge;
  }

  /** Milliseconds until nobody acts on what was so before. */
  publish(edge: EdgeState): number {
    if (takesAway(this.edge, edge)) this.#settledAt = this.#core.endOfTrust(this.state);
    this.edge = edge;
    return Math.max(0, this.#settledAt - this.clock.now());
  }

  admit(request: AdmitRequest): AdmitAnswer {
    return this.#change((draft) => this.#core.admit(this.edge, draft, request, this.#newId));
  }

  giveBack(operationId: string): void {
    this.#change((draft) => this.#core.giveBack(this.edge, draft, operationId));
  }

  /** Tells a database that takes everything. */
  alarm(): void {
    for (const task of this.#core.dueTasks(this.state, this.clock.now())) {
      this.#change((draft) => this.#core.taskDone(draft, task));
    }
  }

  /** Loses the memory. */
  crash(): void {
    this.state = stateFrom(this.#storage.rows());
    this.#core.trustAnew(this.state, this.clock.now());
    this.#settledAt = this.#core.endOfTrust(this.state);
  }

  open(): Window | undefined {
    return openWindow(this.state, Math.max(this.clock.now(), this.state.seenAt));
  }

  #change<T>(run: (draft: Draft) => T): T {
    const draft: Draft = { state: this.state, now: this.clock.now(), changes: [] };
    const result = run(draft);
    this.#storage.write(draft.changes);
    return result;
  }
}
