/**
 * compensatable: may be refused, and has a compensation. pivot: the last that may be refused; its commit decides the saga.
 * retriable: runs after the pivot, may not be refused, and is tried until it succeeds.
 */
export const stepKinds = ['compensatable', 'pivot', 'retriable'] as const;
export type StepKind = (typeof stepKinds)[number];

/** A step as a catalogue lists it. */
export interface SagaStep {
  readonly name: string;
  readonly kind: StepKind;
  /** What undoes it; null where nothing may have to. */
  readonly compensation: string | null;
}

export interface SagaOutline {
  readonly type: string;
  /** 1, 2, ..: what `saga_state.definition_version` says of the sagas that run by it. Never used again for another. */
  readonly version: number;
  /** Names of steps that commit together, in the order in which they run. */
  readonly boundaries: readonly (readonly string[])[];
}

export interface SagaDefinition<S extends SagaStep = SagaStep> {
  readonly type: string;
  readonly version: number;
  readonly boundaries: readonly (readonly S[])[];
}

/** The saga can't be run safely as it is defined. The message names the saga and every fault. */
export class DefinitionError extends TypeError {
  override readonly name = 'DefinitionError';
}

/**
 * Looks the steps up and checks their order: compensatable ones, each with a compensation; exactly one pivot; then retriable
 * ones. Throws a DefinitionError that names all faults at once. Another saga type is one more catalogue and one more call.
 */
export function defineSaga<S extends SagaStep>(outline: SagaOutline, catalogue: readonly S[]): SagaDefinition<S> {
  const { type, version } = outline;
  const known = new Map(catalogue.map((step) => [step.name, step]));
  const boundaries = outline.boundaries.map((names) => names.flatMap((name) => known.get(name) ?? []));
  const faults = [
    ...faultsOfOutline(outline),
    ...faultsOfNames(outline.boundaries.flat(), known),
    ...faultsOfKinds(boundaries.flat()),
  ];
  if (faults.length > 0) throw new DefinitionError(`saga '${type}' version ${version}: ${faults.join('; ')}`);
  return { type, version, boundaries };
}

/**
 * Where the pivot is, seen from boundary `i`: its place among the steps, from 1; 0 when it lies behind, and the saga only goes
 * forward; null when it is yet to come.
 */
export function pivotSeenFrom(boundaries: SagaDefinition['boundaries'], i: number): number | null {
  const isPivot = ({ kind }: SagaStep): boolean => kind === 'pivot';
  if (boundaries.slice(0, i).flat().some(isPivot)) return 0;
  const place = boundaries[i]?.findIndex(isPivot) ?? -1;
  return place < 0 ? null : place + 1;
}

function faultsOfOutline({ type, version, boundaries }: SagaOutline): string[] {
  return [
    ...(type === '' ? ['it has no type'] : []),
    ...(Number.isSafeInteger(version) && version > 0 ? [] : ['its version is not a whole number from 1']),
    ...boundaries.flatMap((names, i) => (names.length === 0 ? [`boundary ${i + 1} has no step`] : [])),
  ];
}

function faultsOfNames(names: readonly string[], known: ReadonlyMap<string, unknown>): string[] {
  return [
    ...names.filter((name) => !known.has(name)).map((name) => `there is no step '${name}'`),
    ...names.filter((name, i) => names.indexOf(name) < i).map((name) => `step '${name}' is in it twice`),
  ];
}

function faultsOfKinds(steps: readonly SagaStep[]): string[] {
  const at = steps.findIndex((step) => step.kind === 'pivot');
  const pivots = steps.filter((step) => step.kind === 'pivot').map(({ name }) => `'${name}'`);
  if (at < 0) return ['it has no pivot: nothing says when it is decided', ...steps.flatMap(faultOfCompensation)];
  return [
    ...(pivots.length > 1 ? [`it has ${pivots.length} pivots, ${pivots.join(' and ')}: one decides`] : []),
    ...steps.flatMap((step, i) => faultOfPlace(step, i - at)),
    ...steps.flatMap(faultOfCompensation),
  ];
}

function faultOfPlace({ name, kind }: SagaStep, afterPivot: number): string[] {
  if (kind === 'compensatable' && afterPivot > 0) {
    return [`compensatable step '${name}' comes after the pivot: from there the saga only goes forward`];
  }
  if (kind === 'retriable' && afterPivot < 0) {
    return [`retriable step '${name}' comes before the pivot: it could not be undone`];
  }
  return [];
}

function faultOfCompensation({ name, kind, compensation }: SagaStep): string[] {
  if (kind === 'compensatable' && compensation === null) return [`compensatable step '${name}' has no compensation`];
  if (kind !== 'compensatable' && compensation !== null) {
    return [`${kind} step '${name}' has a compensation, and nothing that would call it`];
  }
  return [];
}
