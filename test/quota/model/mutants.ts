import { freeUnits, planOf } from '../../../src/quota/figures.ts';
import { addTo, windowFor } from '../../../src/quota/leases.ts';
import type { AdmitRequest } from '../../../src/quota/protocol.ts';
import type { Change } from '../../../src/quota/rows.ts';
import { type Draft, NO_CALLS, openWindow, write } from '../../../src/quota/state.ts';
import { type Core, newCore, newStorage } from './core.ts';

/** The core with one mistake in it, made anew for each run. */
type Mutant = () => Core;

type Admit = Core['admit'];

const withAdmit =
  (mutate: (admit: Admit) => Admit): Mutant =>
  () => {
    const core = newCore();
    return { ...core, admit: mutate(core.admit) };
  };

/** Takes units off what the open window has counted as spent with its leases. */
function creditOpenWindow(draft: Draft, units: number): void {
  const open = openWindow(draft.state, draft.now);
  if (open) write(draft, { kind: 'window', row: { ...open.row, settled: open.row.settled - units } });
}

const answersBeforePersisting: Mutant = () => ({
  ...newCore(),
  newStorage() {
    const storage = newStorage();
    let pending: readonly Change[] = [];
    return {
      write(changes) {
        storage.write(pending);
        pending = [...changes];
      },
      rows: () => storage.rows(),
    };
  },
});

const creditsAReturnTwice = withAdmit((admit) => {
  const ended = new Set<string>();
  return (edge, draft, request, newId) => {
    for (const { leaseId, unspent } of request.isolate.reports) {
      if (ended.has(leaseId) && !draft.state.leases.has(leaseId)) creditOpenWindow(draft, unspent);
      if (draft.state.leases.has(leaseId)) ended.add(leaseId);
    }
    return admit(edge, draft, request, newId);
  };
});

/** The isolate goes by a clock that stood still when the lease was granted. */
const spendsAfterTheLeaseEnded: Mutant = () => {
  const core = newCore();
  return {
    ...core,
    decideHere(cell, ask, now) {
      const { lease } = cell;
      return core.decideHere(cell, ask, lease ? Math.min(now, lease.endsAt - 1) : now);
    },
  };
};

const creditsReturnsToAnyWindow = withAdmit((admit) => (edge, draft, request, newId) => {
  const open = openWindow(draft.state, draft.now);
  for (const { leaseId, unspent } of request.isolate.reports) {
    const lease = draft.state.leases.get(leaseId);
    if (lease && open && lease.startedAt !== open.row.startedAt) creditOpenWindow(draft, unspent);
  }
  return admit(edge, draft, request, newId);
});

const givesBackToAnyWindow: Mutant = () => {
  const core = newCore();
  return {
    ...core,
    giveBack(edge, draft, operationId) {
      const operation = draft.state.operations.get(operationId);
      const open = openWindow(draft.state, draft.now);
      if (operation && open) draft.state.operations.set(operationId, { ...operation, startedAt: open.row.startedAt });
      core.giveBack(edge, draft, operationId);
    },
  };
};

const admitsWhileAnythingRemains = withAdmit((admit) => (edge, draft, request, newId) => {
  if (!edge) return admit(edge, draft, request, newId);
  const { units } = request.charge;
  const free = freeUnits(draft.state, { plan: planOf(edge), key: undefined }, draft.now);
  if (free <= 0 || free >= units) return admit(edge, draft, request, newId);
  const unitsPerHour = planOf(edge).unitsPerHour + units - free;
  return admit({ ...edge, plan: { ...edge.plan, unitsPerHour } }, draft, request, newId);
});

const chargesOnDenial = withAdmit((admit) => (edge, draft, request, newId) => {
  const answer = admit(edge, draft, request, newId);
  if (edge && !answer.ok && answer.refused === 'quota') {
    const { startedAt } = windowFor(draft, planOf(edge).unitsPerHour).row;
    addTo(draft, startedAt, 'denied', { charged: request.charge.units, leased: 0, calls: [...NO_CALLS] });
  }
  return answer;
});

const refusesWhateverTheCost: Mutant = () => {
  const core = newCore();
  return {
    ...core,
    decideHere(cell, ask, now) {
      if (cell.refusal) cell.refusal = { ...cell.refusal, units: 0 };
      return core.decideHere(cell, ask, now);
    },
  };
};

const forgetsWhatWasGrantedWhenThePlanChanges = withAdmit((admit) => {
  let last: number | undefined;
  return (edge, draft, request, newId) => {
    const limit = edge && planOf(edge).unitsPerHour;
    const open = openWindow(draft.state, draft.now);
    if (open && last !== undefined && last !== limit) {
      creditOpenWindow(draft, open.row.settled);
      for (const row of open.drawers.values()) write(draft, { kind: 'drawer', row: { ...row, charged: 0 } });
    }
    last = limit;
    return admit(edge, draft, request, newId);
  };
});

const chargesARepeatedCallAgain = withAdmit(
  (admit) => (edge, draft, request, newId) => admit(edge, draft, asAnother(draft, request, newId), newId),
);

function asAnother(draft: Draft, request: AdmitRequest, newId: () => string): AdmitRequest {
  return draft.state.operations.has(request.operationId) ? { ...request, operationId: newId() } : request;
}

const givesBackTwice: Mutant = () => {
  const core = newCore();
  return {
    ...core,
    giveBack(edge, draft, operationId) {
      const operation = draft.state.operations.get(operationId);
      if (operation) draft.state.operations.set(operationId, { ...operation, givenBack: false });
      core.giveBack(edge, draft, operationId);
    },
  };
};

const leavesNoMarginForDrift: Mutant = () => ({ ...newCore(), endOfTrust: ({ trustedUntil }) => trustedUntil });

const forgetsWhomItTrusted: Mutant = () => ({ ...newCore(), trustAnew: () => undefined });

/** Each mistake, by what it does, with the seed of a run that meets it soon. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'answers before it persists': answersBeforePersisting,
  'credits a return twice': creditsAReturnTwice,
  'spends a lease after its time': spendsAfterTheLeaseEnded,
  'credits a return to whichever window is open': creditsReturnsToAnyWindow,
  'gives back to whichever window is open': givesBackToAnyWindow,
  'admits while anything remains instead of as much as it costs': admitsWhileAnythingRemains,
  'charges a denial': chargesOnDenial,
  'remembers a refusal without its cost': refusesWhateverTheCost,
  'forgets what was granted when the plan changes': forgetsWhatWasGrantedWhenThePlanChanges,
  'charges a repeated call again': chargesARepeatedCallAgain,
  'gives back twice': givesBackTwice,
  'leaves no margin for clocks that drift': leavesNoMarginForDrift,
  'forgets in a crash whom it trusted': forgetsWhomItTrusted,
};
