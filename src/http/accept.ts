/** One member of `Accept`, lower case. */
export interface MediaRange {
  type: string;
  /** From 0, not acceptable, to 1. */
  weight: number;
}

/** RFC 9110 §12.5.1; parameters beside `q` are passed over, and what is no weight is taken for 0. */
export function rangesOf(accept: string): MediaRange[] {
  return accept.split(',').map((text) => {
    const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
    const weight = Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1);
    return { type, weight: weight >= 0 && weight <= 1 ? weight : 0 };
  });
}

/**
 * Whether `Accept` would rather have YAML (RFC 9512) than JSON, which is what everybody gets who does not ask for it by
 * name.
 */
export function prefersYaml(accept: string | undefined): boolean {
  const weights = new Map(rangesOf(accept ?? '').map(({ type, weight }) => [type, weight]));
  const yaml = weights.get('application/yaml') ?? 0;
  const named = weights.get('application/json');
  const json = named ?? weights.get('application/*') ?? weights.get('*/*') ?? 0;
  return yaml > json || (yaml > 0 && yaml === json && named === undefined);
}
