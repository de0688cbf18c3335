import { expect } from 'vitest';
import { MARGIN } from '../../../src/quota/leases.ts';
import { type AdmitAnswer, type AdmitRequest, PROTOCOL } from '../../../src/quota/protocol.ts';
import type { LeaseRow } from '../../../src/quota/rows.ts';
import { usedIn } from '../../../src/quota/state.ts';
import type { ModelObject } from './object.ts';

/** What happened in one window, as somebody knows who saw every request, every answer and every report. */
interface WindowLedger {
  /** The greatest limit that was in force while it was open. */
  greatest: number;
  /** Units let through and not given back; those let through under an isolate's own small limit are not among them. */
  admitted: number;
  /** Units charged by the object, request by request. */
  charged: number;
  /** Of these, those of requests that isolates let through unasked. */
  debts: number;
  /** Units of leases that ended, less what came back. */
  settled: number;
  /** Units of keys that have a ceiling of their own. */
  ceilings: Map<string, number>;
}

interface LeaseLedger extends Pick<LeaseRow, 'id' | 'startedAt' | 'units' | 'endsAt' | 'reserve'> {
  spent: number;
  /** What came back when it ended; units of a lease that was lost do not. */
  returned: number | undefined;
}

interface OperationLedger {
  startedAt: number;
  units: number;
  debt: boolean;
  admitted: boolean;
  givenBack: boolean;
  /** The key that it was charged to, if that has a ceiling of its own. */
  ceilingOf: string | undefined;
}

/** How much a clock may be wrong beside the margin: the reading is in whole milliseconds. */
const ROUNDING = 2;

/** Of a clock that is 1 % slow against one that is 1 % fast. */
const WORST_DRIFT = 1.01 / 0.99 - 1;

/** The plain account that the object and the isolates are held against. */
export class Reference {
  readonly #object: ModelObject;
  readonly #windows = new Map<number, WindowLedger>();
  readonly #leases = new Map<string, LeaseLedger>();
  readonly #operations = new Map<string, OperationLedger>();

  constructor(object: ModelObject) {
    this.#object = object;
  }

  get limit(): number {
    return this.#object.edge.plan.unitsPerHour ?? 0;
  }

  /** The plan, or anything else that the object goes by, may have changed. */
  published(): void {
    const open = this.#object.open();
    const ledger = open && this.#windows.get(open.row.startedAt);
    if (ledger) ledger.greatest = Math.max(ledger.greatest, this.limit);
  }

  /** Has the object decide, and books what the answer must mean. */
  admit(request: AdmitRequest): AdmitAnswer {
    const object = this.#object;
    const leases = [...object.state.leases.keys()];
    const counters = JSON.stringify([...object.state.counters]);
    const answer = object.admit(request);
    if (request.protocol === PROTOCOL) {
      for (const { operationId, charge } of request.isolate.debts) this.#charge(operationId, charge.units, true);
    } else {
      expect(object.state.leases.size, 'nothing is lent to an isolate of another version').toBe(leases.length);
    }
    if (answer.ok && this.#charge(request.operationId, request.charge.units, false))
      this.#underCeiling(request, answer);
    if (!answer.ok) expect(JSON.stringify([...object.state.counters]), 'a denial charges nothing').toBe(counters);
    this.#bookEnded(leases, request);
    for (const lease of object.state.leases.values()) {
      if (!this.#leases.has(lease.id)) this.#leases.set(lease.id, { ...lease, spent: 0, returned: undefined });
    }
    return answer;
  }

  #charge(operationId: string, units: number, debt: boolean): boolean {
    if (units === 0 || this.#operations.has(operationId)) return false;
    const open = this.#object.open();
    if (!open) throw new Error('a request was charged to no window');
    const ledger = this.#ledger(open.row.startedAt);
    ledger.charged += units;
    if (debt) ledger.debts += units;
    const { startedAt } = open.row;
    this.#operations.set(operationId, {
      startedAt,
      units,
      debt,
      admitted: false,
      givenBack: false,
      ceilingOf: undefined,
    });
    return true;
  }

  #ledger(startedAt: number): WindowLedger {
    const fresh = { greatest: this.limit, admitted: 0, charged: 0, debts: 0, settled: 0, ceilings: new Map() };
    const ledger = this.#windows.get(startedAt) ?? fresh;
    if (this.#object.open()?.row.startedAt === startedAt) ledger.greatest = Math.max(ledger.greatest, this.limit);
    this.#windows.set(startedAt, ledger);
    return ledger;
  }

  #underCeiling({ operationId, charge }: AdmitRequest, { key }: Extract<AdmitAnswer, { ok: true }>): void {
    const operation = this.#operations.get(operationId);
    if (!operation || !key || key.rateLimitOverride === null) return;
    operation.ceilingOf = key.id;
    const { ceilings } = this.#ledger(operation.startedAt);
    ceilings.set(key.id, (ceilings.get(key.id) ?? 0) + charge.units);
    expect(ceilings.get(key.id), 'a key stays under its own ceiling').toBeLessThanOrEqual(key.rateLimitOverride);
  }

  /** A lease ends once: by its report, which brings back what it says, or because it was lost, which brings nothing. */
  #bookEnded(before: readonly string[], { isolate: { reports } }: AdmitRequest): void {
    for (const id of before) {
      if (this.#object.state.leases.has(id)) continue;
      const lease = this.#lease(id);
      lease.returned = reports.find(({ leaseId }) => leaseId === id)?.unspent ?? 0;
      this.#ledger(lease.startedAt).settled += lease.units - lease.returned;
    }
  }

  #lease(id: string): LeaseLedger {
    const lease = this.#leases.get(id);
    if (!lease) throw new Error('a lease that the object never gave');
    return lease;
  }

  /** The isolate heard that the object had charged it, and let it through. */
  admittedByHop(operationId: string): void {
    const operation = this.#operations.get(operationId);
    if (!operation || operation.admitted) return;
    operation.admitted = true;
    if (!operation.givenBack) this.#ledger(operation.startedAt).admitted += operation.units;
  }

  admittedByLease(id: string, units: number): void {
    const lease = this.#lease(id);
    const late = this.#object.clock.now() - lease.endsAt;
    const drift = lease.reserve ? (lease.endsAt - lease.startedAt) * WORST_DRIFT : MARGIN;
    expect(late, 'a lease that is over is not spent').toBeLessThanOrEqual(drift + ROUNDING);
    if (late < 0) expect(this.#object.state.leases.has(id), 'what is spent of a lease is counted as lent').toBe(true);
    lease.spent += units;
    this.#ledger(lease.startedAt).admitted += units;
  }

  unspent(id: string, units: number): void {
    const lease = this.#lease(id);
    lease.spent -= units;
    this.#ledger(lease.startedAt).admitted -= units;
  }

  giveBack(operationId: string): void {
    const operation = this.#operations.get(operationId);
    this.#object.giveBack(operationId);
    if (!operation || operation.givenBack) return;
    operation.givenBack = true;
    const ledger = this.#ledger(operation.startedAt);
    ledger.charged -= operation.units;
    if (operation.debt) ledger.debts -= operation.units;
    if (operation.admitted) ledger.admitted -= operation.units;
    const { ceilingOf, units } = operation;
    if (ceilingOf !== undefined) ledger.ceilings.set(ceilingOf, (ledger.ceilings.get(ceilingOf) ?? 0) - units);
  }

  /** What must hold at any moment. */
  check(): void {
    for (const lease of this.#leases.values()) {
      expect(lease.spent + (lease.returned ?? 0), 'spent + returned <= n').toBeLessThanOrEqual(lease.units);
    }
    for (const [startedAt, ledger] of this.#windows) {
      expect(ledger.admitted, 'let through <= limit').toBeLessThanOrEqual(ledger.greatest);
      const window = this.#object.state.windows.get(startedAt);
      if (!window) {
        expect(this.#object.clock.now() - startedAt, 'a window is kept until it is recorded').toBeGreaterThan(
          3_600_000,
        );
        continue;
      }
      const open = [...this.#leases.values()].filter((lease) => lease.startedAt === startedAt);
      const lent = open.reduce((sum, { units, returned }) => sum + (returned === undefined ? units : 0), 0);
      const { charged, settled } = ledger;
      const counted = { charged: window.charged, settled: window.row.settled, lent: window.lent };
      expect(counted, 'the object counts what happened').toEqual({ charged, settled, lent });
      expect(usedIn(window) - ledger.debts, 'granted - returned <= limit').toBeLessThanOrEqual(ledger.greatest);
      expect(ledger.admitted, 'admitted <= granted - returned').toBeLessThanOrEqual(usedIn(window) - ledger.debts);
    }
  }

  /** When everybody has reported: each unit that is not free was let through, or lost in a way that is known. */
  checkNoLeak(isHeld: (leaseId: string) => boolean): void {
    const window = this.#object.open();
    const ledger = window && this.#windows.get(window.row.startedAt);
    if (!window || !ledger) return;
    const { startedAt } = window.row;
    const unheard = [...this.#operations.values()].filter(
      (operation) => operation.startedAt === startedAt && !operation.givenBack && !operation.admitted,
    );
    const leases = [...this.#leases.values()].filter((lease) => lease.startedAt === startedAt);
    expect(leases.filter(({ id, returned }) => returned === undefined && isHeld(id))).toEqual([]);
    const burned = leases.reduce((sum, { units, spent, returned }) => sum + units - spent - (returned ?? 0), 0);
    const lost = burned + unheard.reduce((sum, { units }) => sum + units, 0);
    expect(usedIn(window), 'remaining = limit - admitted - what is known to be lost').toBe(ledger.admitted + lost);
  }
}
